#include "apps/parley-room/player.h"

#include <SDL2/SDL.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#define TITLE "parley-room"
#define AUDIO_RATE 48000
#define AUDIO_SAMPLES 480 /* what the sound card asks for at once */
#define SAMPLE_BYTES 4u	  /* 16 bit, stereo */
#define QUEUED_MAX (AUDIO_RATE / 4 * SAMPLE_BYTES)
#define KINDS 2

struct player {
	void (*on_close)(void *me);
	void *me;
	SDL_Window *window; /* from the first picture on */
	SDL_Renderer *renderer;
	SDL_Texture *texture;
	int texture_width, texture_height;
	SDL_AudioDeviceID audio; /* 0: this machine has no sound */
	parley_codec codecs[KINDS];
	AVCodecContext *decoders[KINDS];
	struct SwsContext *scaler; /* of what is not YUV 4:2:0 */
	SwrContext *resampler;
	AVFrame *frame, *converted;
	AVPacket *packet;
	bool has_key;
};

static bool say_sdl(char why[MEDIA_WHY_MAX])
{
	snprintf(why, MEDIA_WHY_MAX, "no window: %.200s", SDL_GetError());
	return false;
}

static void open_audio(player *p)
{
	SDL_AudioSpec want = {.freq = AUDIO_RATE, .format = AUDIO_S16SYS, .channels = 2, .samples = AUDIO_SAMPLES};
	if (SDL_InitSubSystem(SDL_INIT_AUDIO) != 0)
		return;
	p->audio = SDL_OpenAudioDevice(NULL, 0, &want, NULL, 0);
	if (p->audio)
		SDL_PauseAudioDevice(p->audio, 0);
}

player *player_new(void (*on_close)(void *me), void *me, char why[MEDIA_WHY_MAX])
{
	SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1"); /* Ctrl-C is the program's */
	if (SDL_Init(SDL_INIT_VIDEO) != 0) {
		say_sdl(why);
		return NULL;
	}
	player *p = calloc(1, sizeof *p);
	if (p) {
		*p = (player){.on_close = on_close, .me = me};
		p->frame = av_frame_alloc();
		p->converted = av_frame_alloc();
		p->packet = av_packet_alloc();
	}
	if (!p || !p->frame || !p->converted || !p->packet) {
		snprintf(why, MEDIA_WHY_MAX, "out of memory");
		player_free(p);
		return NULL;
	}
	open_audio(p);
	return p;
}

void player_free(player *p)
{
	if (!p)
		return;
	for (int k = 0; k < KINDS; k++)
		avcodec_free_context(&p->decoders[k]);
	sws_freeContext(p->scaler);
	swr_free(&p->resampler);
	av_frame_free(&p->frame);
	av_frame_free(&p->converted);
	av_packet_free(&p->packet);
	if (p->audio)
		SDL_CloseAudioDevice(p->audio);
	SDL_DestroyTexture(p->texture);
	SDL_DestroyRenderer(p->renderer);
	if (p->window)
		SDL_DestroyWindow(p->window);
	free(p);
	SDL_Quit();
}

/* --- pictures --- */

static bool open_window(player *p, int width, int height)
{
	if (p->window)
		return p->renderer != NULL;
	p->window = SDL_CreateWindow(TITLE, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, width, height,
				     SDL_WINDOW_RESIZABLE);
	if (p->window)
		p->renderer = SDL_CreateRenderer(p->window, -1, 0);
	if (p->window && !p->renderer)
		p->renderer = SDL_CreateRenderer(p->window, -1, SDL_RENDERER_SOFTWARE);
	if (p->renderer)
		SDL_RenderSetLogicalSize(p->renderer, width, height);
	return p->renderer != NULL;
}

static bool fit_texture(player *p, int width, int height)
{
	if (p->texture && p->texture_width == width && p->texture_height == height)
		return true;
	if (p->texture)
		SDL_DestroyTexture(p->texture);
	p->texture = SDL_CreateTexture(p->renderer, SDL_PIXELFORMAT_IYUV, SDL_TEXTUREACCESS_STREAMING, width, height);
	p->texture_width = width;
	p->texture_height = height;
	SDL_RenderSetLogicalSize(p->renderer, width, height);
	return p->texture != NULL;
}

/* The picture as YUV 4:2:0; NULL: it cannot be had. */
static const AVFrame *as_yuv(player *p)
{
	const AVFrame *f = p->frame;
	if (f->format == AV_PIX_FMT_YUV420P || f->format == AV_PIX_FMT_YUVJ420P)
		return f;
	p->scaler = sws_getCachedContext(p->scaler, f->width, f->height, f->format, f->width, f->height,
					 AV_PIX_FMT_YUV420P, SWS_BILINEAR, NULL, NULL, NULL);
	av_frame_unref(p->converted);
	return p->scaler && sws_scale_frame(p->scaler, p->converted, f) >= 0 ? p->converted : NULL;
}

static void draw(player *p)
{
	SDL_RenderClear(p->renderer);
	SDL_RenderCopy(p->renderer, p->texture, NULL, NULL);
	SDL_RenderPresent(p->renderer);
}

static void show_picture(player *p)
{
	const AVFrame *f = as_yuv(p);
	if (!f || !open_window(p, f->width, f->height) || !fit_texture(p, f->width, f->height))
		return;
	SDL_UpdateYUVTexture(p->texture, NULL, f->data[0], f->linesize[0], f->data[1], f->linesize[1], f->data[2],
			     f->linesize[2]);
	draw(p);
}

/* --- sound --- */

static bool prepare_resampler(player *p)
{
	AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
	if (p->resampler)
		return true;
	return swr_alloc_set_opts2(&p->resampler, &stereo, AV_SAMPLE_FMT_S16, AUDIO_RATE, &p->frame->ch_layout,
				   p->frame->format, p->frame->sample_rate, 0, NULL) >= 0 &&
	       swr_init(p->resampler) >= 0;
}

static void play_sound(player *p)
{
	if (!p->audio || SDL_GetQueuedAudioSize(p->audio) > QUEUED_MAX || !prepare_resampler(p))
		return;
	av_frame_unref(p->converted);
	p->converted->format = AV_SAMPLE_FMT_S16;
	p->converted->sample_rate = AUDIO_RATE;
	p->converted->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
	if (swr_convert_frame(p->resampler, p->converted, p->frame) >= 0)
		SDL_QueueAudio(p->audio, p->converted->data[0], (Uint32)p->converted->nb_samples * SAMPLE_BYTES);
}

/* --- frames --- */

static bool prepare_decoder(player *p, parley_media_kind kind, parley_codec codec)
{
	if (p->decoders[kind] && p->codecs[kind] == codec)
		return true;
	avcodec_free_context(&p->decoders[kind]);
	if (kind == PARLEY_AUDIO)
		swr_free(&p->resampler);
	else
		p->has_key = false;
	AVCodecParameters *par = avcodec_parameters_alloc();
	if (!par)
		return false;
	bool audio = kind == PARLEY_AUDIO, opus = codec == PARLEY_OPUS;
	par->codec_type = audio ? AVMEDIA_TYPE_AUDIO : AVMEDIA_TYPE_VIDEO;
	par->codec_id = media_codec_id(codec);
	par->sample_rate = audio ? (int)parley_codec_clock_rate(codec) : 0;
	if (audio)
		par->ch_layout =
			opus ? (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO : (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO;
	p->decoders[kind] = media_open_decoder(par);
	p->codecs[kind] = codec;
	avcodec_parameters_free(&par);
	return p->decoders[kind] != NULL;
}

void player_take(player *p, parley_media_kind kind, const parley_frame_event *frame, bool *wants_key)
{
	*wants_key = false;
	if (!prepare_decoder(p, kind, frame->codec))
		return;
	AVCodecContext *decoder = p->decoders[kind];
	p->has_key = p->has_key || (kind == PARLEY_VIDEO && frame->key_frame);
	if (kind == PARLEY_VIDEO && !p->has_key) {
		*wants_key = true;
		return;
	}
	if (av_new_packet(p->packet, (int)frame->len) < 0)
		return;
	memcpy(p->packet->data, frame->data, frame->len);
	int err = avcodec_send_packet(decoder, p->packet);
	av_packet_unref(p->packet);
	*wants_key = err < 0 && kind == PARLEY_VIDEO;
	while (err >= 0 && avcodec_receive_frame(decoder, p->frame) >= 0) {
		if (kind == PARLEY_VIDEO)
			show_picture(p);
		else
			play_sound(p);
		av_frame_unref(p->frame);
	}
}

void player_turn(player *p)
{
	for (SDL_Event event; SDL_PollEvent(&event);) {
		if (event.type == SDL_QUIT) {
			p->on_close(p->me);
			return; /* it may have freed the player */
		}
		if (event.type == SDL_WINDOWEVENT && event.window.event == SDL_WINDOWEVENT_EXPOSED && p->texture)
			draw(p);
	}
}
