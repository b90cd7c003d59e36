package plugins

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

const (
	maxHello  = 64 << 10 // one line of stdout, and what go-plugin's scanner takes
	maxBanner = 1 << 20  // what may come before the handshake altogether
)

// hello passes a plugin's stdout on to go-plugin, of which it is given the
// handshake line alone. go-plugin takes the first line for the handshake and
// stops reading for good at a long one; here a banner before it, a line glued
// to its front, and any amount of output after it only end up in the log.
type hello struct {
	logger hclog.Logger
	keep   io.Writer // gets everything but the handshake; nil if nobody wants it
	mu     sync.Mutex
	banner []string // the first lines that were no handshake, for the error
	said   bool
}

// pump copies from src until it ends, and then closes dst. It returns when the
// plugin, and all who inherited its stdout, have closed it.
func (h *hello) pump(src io.Reader, dst *io.PipeWriter) {
	defer dst.Close()
	r := bufio.NewReaderSize(src, maxHello)
	for read := 0; ; {
		line, err := r.ReadSlice('\n') // at most maxHello; the rest of a longer line is taken for a new one
		read += len(line)
		switch {
		case !h.silent() || read > maxBanner:
			h.kept(line)
			if h.logger.IsDebug() && len(bytes.TrimSpace(line)) > 0 {
				h.logger.Debug("plugin wrote to its stdout", "line", string(bytes.TrimSpace(line)))
			}
		default:
			if rest := handshakeIn(string(line)); rest != "" {
				h.mu.Lock()
				h.said = true
				h.mu.Unlock()
				if _, err := io.WriteString(dst, rest+"\n"); err != nil {
					h.logger.Debug("nobody waits for the plugin's handshake", "error", err)
				}
			} else {
				h.note(string(line))
			}
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

func (h *hello) kept(line []byte) {
	if h.keep != nil {
		_, _ = h.keep.Write(line) // of ours, and never fails
	}
}

func (h *hello) note(line string) {
	h.kept([]byte(line))
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	h.logger.Warn("plugin wrote to its stdout before the handshake", "line", line)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.banner) < 3 {
		h.banner = append(h.banner, strings.ToValidUTF8(line[:min(len(line), tailWidth)], "\uFFFD"))
	}
}

// silent tells whether no handshake has come yet.
func (h *hello) silent() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.said
}

func (h *hello) lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.banner
}

// handshakeIn returns the handshake that line ends in, or "". A print without
// a line end may stand right before it, so the first field is looked for from
// its end: the core protocol is one digit, and always 1.
func handshakeIn(line string) string {
	line = strings.TrimSpace(line)
	for i := 0; i < len(line); i++ {
		n := strings.Index(line[i:], "1|")
		if n < 0 {
			return ""
		}
		i += n
		f := strings.SplitN(line[i:], "|", 6)
		if len(f) < 5 {
			return ""
		}
		if _, err := strconv.Atoi(f[1]); err == nil && (f[2] == "unix" || f[2] == "tcp") && f[3] != "" {
			return line[i:]
		}
	}
	return ""
}
