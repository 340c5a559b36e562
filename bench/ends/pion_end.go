// bench/ends/pion_end.go: an end of a measured connection that is Pion, as Debian packages it. bench/ends/traffic.h says what an end is told and says,
// and what the messages are; what is here is the same as parley_end.c and traffic.c in Go.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/pion/ice/v2"
	"github.com/pion/webrtc"
)

const (
	bufferedHigh = 256 << 10
	bufferedLow  = 128 << 10
	header       = 16
	tick         = 2 * time.Millisecond
	startTurn    = 500 * time.Microsecond // of a paced sender whose next message is not due
	bulk         = "bulk"
	paced        = "paced"
)

type options struct {
	sender                bool
	size, paced           int
	interval, skip, count time.Duration
	address               string
}

func fail(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

// now is CLOCK_MONOTONIC, which the ends share.
func now() uint64 {
	var t syscall.Timespec
	const monotonic = 1
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&t)), 0)
	return uint64(t.Nano())
}

func readOptions() options {
	o := options{sender: os.Args[1] == "send", size: 65535, interval: 10 * time.Millisecond, skip: 300 * time.Millisecond,
		count: 2 * time.Second, address: "127.0.0.1"}
	for _, each := range os.Args[2:] {
		key, value, _ := strings.Cut(each, "=")
		number, _ := strconv.Atoi(value)
		switch key {
		case "size":
			o.size = number
		case "paced":
			o.paced = number
		case "interval":
			o.interval = time.Duration(number) * time.Microsecond
		case "skip":
			o.skip = time.Duration(number) * time.Millisecond
		case "count":
			o.count = time.Duration(number) * time.Millisecond
		case "address":
			o.address = value
		}
	}
	return o
}

// --- sending ---

type source struct {
	next  uint64
	bytes []byte
}

func (s *source) fill(due uint64) []byte {
	binary.BigEndian.PutUint64(s.bytes, s.next)
	binary.BigEndian.PutUint64(s.bytes[8:], due)
	s.next++
	return s.bytes
}

func sendBulk(channel *webrtc.DataChannel, size int) {
	low := make(chan struct{}, 1)
	channel.SetBufferedAmountLowThreshold(bufferedLow)
	channel.OnBufferedAmountLow(func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	s := source{bytes: make([]byte, size)}
	for {
		for channel.BufferedAmount() < bufferedHigh {
			fail("send", channel.Send(s.fill(0)))
		}
		select {
		case <-low:
		case <-time.After(100 * time.Millisecond): // the event may have been before the wait
		}
	}
}

func sendPaced(channel *webrtc.DataChannel, o options) {
	s := source{bytes: make([]byte, o.paced)}
	due := now()
	for {
		for ; due <= now(); due += uint64(o.interval) {
			fail("send", channel.Send(s.fill(due)))
		}
		wait := time.Duration(due - now())
		if wait > startTurn {
			wait = startTurn
		}
		time.Sleep(wait)
	}
}

// --- receiving ---

type stream struct {
	size                             int
	expected, messages, bytes, wrong uint64
	latencies                        []uint64
}

type meter struct {
	mutex       sync.Mutex
	began       time.Time
	skipped     bool
	bulk, paced stream
}

func (m *meter) take(s *stream, data []byte) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.began.IsZero() {
		m.began = time.Now()
	}
	if len(data) != s.size || binary.BigEndian.Uint64(data) != s.expected {
		s.wrong++
	}
	s.expected++
	if !m.skipped {
		return
	}
	s.messages++
	s.bytes += uint64(len(data))
	if s == &m.paced {
		s.latencies = append(s.latencies, (now()-binary.BigEndian.Uint64(data[8:]))/1000)
	}
}

func percentile(sorted []uint64, percent int) uint64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*percent/100]
}

// tick says whether it was the last.
func (m *meter) tick(o options) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	passed := time.Since(m.began)
	if m.began.IsZero() {
		return false
	}
	if !m.skipped {
		if passed >= o.skip {
			m.skipped, m.began = true, time.Now()
			fmt.Println("begin")
		}
		return false
	}
	if passed < o.count {
		return false
	}
	l := m.paced.latencies
	sort.Slice(l, func(i, j int) bool { return l[i] < l[j] })
	fmt.Printf("result {\"seconds\":%f,\"bytes\":%d,\"messages\":%d,\"wrong\":%d,\"paced\":%d,\"gaps\":0,\"p50_us\":%d,\"p99_us\":%d,\"max_us\":%d}\n",
		passed.Seconds(), m.bulk.bytes, m.bulk.messages, m.bulk.wrong+m.paced.wrong, m.paced.messages, percentile(l, 50),
		percentile(l, 99), percentile(l, 100))
	return true
}

// --- the connection ---

func newConnection(o options) *webrtc.PeerConnection {
	var settings webrtc.SettingEngine
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.String() == o.address })
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	fail("connection", err)
	return pc
}

func gather(pc *webrtc.PeerConnection, description webrtc.SessionDescription, err error) *webrtc.SessionDescription {
	fail("description", err)
	gathered := webrtc.GatheringCompletePromise(pc)
	fail("local description", pc.SetLocalDescription(description))
	<-gathered
	return pc.LocalDescription()
}

func describe(pc *webrtc.PeerConnection, description webrtc.SessionDescription, err error) {
	fmt.Println("signal", strings.ReplaceAll(gather(pc, description, err).SDP, "\r\n", "|"))
}

func setRemote(pc *webrtc.PeerConnection, kind webrtc.SDPType, text string) {
	sdp := strings.ReplaceAll(text, "|", "\r\n")
	fail("remote description", pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sdp}))
}

func open(pc *webrtc.PeerConnection, label string, wanted *sync.WaitGroup) *webrtc.DataChannel {
	channel, err := pc.CreateDataChannel(label, nil)
	fail("channel", err)
	wanted.Add(1)
	channel.OnOpen(wanted.Done)
	return channel
}

func send(o options, lines *bufio.Scanner) {
	var pc *webrtc.PeerConnection
	var bulkChannel, pacedChannel *webrtc.DataChannel
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "connect":
			began := time.Now()
			var wanted sync.WaitGroup
			pc = newConnection(o)
			if o.size > 0 {
				bulkChannel = open(pc, bulk, &wanted)
			}
			if o.paced > 0 {
				pacedChannel = open(pc, paced, &wanted)
			}
			go func() {
				wanted.Wait()
				fmt.Printf("open %.3f\n", float64(time.Since(began).Microseconds())/1000)
			}()
			offer, err := pc.CreateOffer(nil)
			describe(pc, offer, err)
		case strings.HasPrefix(line, "signal "):
			setRemote(pc, webrtc.SDPTypeAnswer, line[len("signal "):])
		case line == "go":
			if bulkChannel != nil {
				go sendBulk(bulkChannel, o.size)
			}
			if pacedChannel != nil {
				go sendPaced(pacedChannel, o)
			}
		}
	}
}

func receive(o options, lines *bufio.Scanner) {
	m := meter{bulk: stream{size: o.size}, paced: stream{size: o.paced}}
	go func() {
		for !m.tick(o) {
			time.Sleep(tick)
		}
	}()
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, "signal ") {
			continue
		}
		pc := newConnection(o)
		pc.OnDataChannel(func(channel *webrtc.DataChannel) {
			s := &m.bulk
			if channel.Label() == paced {
				s = &m.paced
			}
			channel.OnMessage(func(message webrtc.DataChannelMessage) { m.take(s, message.Data) })
		})
		setRemote(pc, webrtc.SDPTypeOffer, line[len("signal "):])
		answer, err := pc.CreateAnswer(nil)
		describe(pc, answer, err)
	}
}

// --- a crowd ---

func residentKib() int {
	text, err := os.ReadFile("/proc/self/statm")
	fail("statm", err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	fail("statm", err)
	return pages * os.Getpagesize() / 1024
}

// connectedPair returns when a message has come over it.
func connectedPair(o options) {
	caller, callee := newConnection(o), newConnection(o)
	came := make(chan struct{})
	callee.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(webrtc.DataChannelMessage) { close(came) })
	})
	channel, err := caller.CreateDataChannel("crowd", nil)
	fail("channel", err)
	channel.OnOpen(func() { fail("send", channel.SendText("hello")) })
	offer, err := caller.CreateOffer(nil)
	local := gather(caller, offer, err)
	fail("offer", callee.SetRemoteDescription(*local))
	answer, err := callee.CreateAnswer(nil)
	local = gather(callee, answer, err)
	fail("answer", caller.SetRemoteDescription(*local))
	<-came
}

// crowd says what a connected pair in this process adds to its resident memory.
func crowd(pairs int) {
	const warmUp = 10
	o := options{address: "127.0.0.1"}
	for i := 0; i < warmUp; i++ {
		connectedPair(o)
	}
	before := residentKib()
	for i := 0; i < pairs; i++ {
		connectedPair(o)
	}
	time.Sleep(time.Second)
	fmt.Println("resident", (residentKib()-before)/pairs)
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "crowd" {
		pairs, err := strconv.Atoi(os.Args[2])
		fail("pairs", err)
		crowd(pairs)
		return
	}
	o := readOptions()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	fmt.Println("ready")
	if o.sender {
		send(o, lines)
	} else {
		receive(o, lines)
	}
}
