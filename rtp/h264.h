/*
 * rtp/h264.h: NAL units (H.264 7.4.1), shared by the two files on H.264. Private to them.
 */
#ifndef PARLEY_RTP_H264_H
#define PARLEY_RTP_H264_H

#include "base/bytes.h"

#define H264_TYPE 0x1fu /* nal_unit_type in a NAL unit's header */
#define H264_SLICE 1u
#define H264_PARTITION_A 2u
#define H264_IDR 5u
#define H264_SEI 6u
#define H264_SPS 7u
#define H264_PPS 8u
#define H264_AUD 9u

unsigned rtp_h264_type(slice nal); /* 0 if it is empty */
/* The next NAL unit of an Annex B frame, never empty, without its start code and trailing zeros; *pos begins at 0. */
bool rtp_h264_next_nal(slice frame, size_t *pos, slice *nal);
/* The whole NAL units of an RTP payload: units holds that one, or, for *aggregate, what rtp_h264_next_aggregated walks over. False
 * for other types of payload. */
bool rtp_h264_payload_units(slice payload, reader *units, bool *aggregate);
bool rtp_h264_next_aggregated(reader *r, slice *nal);

#endif
