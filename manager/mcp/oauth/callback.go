package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// callback is where the browser comes back to.
type callback struct {
	redirect string // as the authorization server knows it
	byHand   string // what the user registers it as, for a client registered by hand
	path     string
	listener net.Listener
	server   http.Server
	work     sync.WaitGroup
}

// listen opens the callback of a login. It is on this machine only, unless the
// user has named an address under which others forward to it.
func listen(s *Server, o Options) (*callback, error) {
	public := &url.URL{Scheme: "http", Path: "/callback"}
	host, port := "127.0.0.1", o.CallbackPort
	if o.CallbackURL != "" {
		u, err := url.Parse(o.CallbackURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("mcp_oauth_callback_url: %q is no http or https URL", o.CallbackURL)
		}
		public = u
		switch {
		case !loopback(u.Hostname()):
			host = ""
		case port == 0:
			port, _ = strconv.Atoi(u.Port())
		}
	}
	own := *public
	own.Path = strings.TrimSuffix(public.Path, "/") + "/" + mark(s.URL)
	if own.Host == "" {
		own.Host = host // of whatever port (RFC 8252 section 7.3), unless one is set
		if port != 0 {
			own.Host = net.JoinHostPort(host, strconv.Itoa(port))
		}
	}
	byHand := own.String()
	if s.ClientID != "" {
		public.Path = own.Path
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("opening the callback of the login: %w; if another login is under way, finish it first, otherwise set mcp_oauth_callback_port to a port that is free", err)
	}
	if public.Host == "" {
		public.Host = listener.Addr().String()
	}
	return &callback{redirect: public.String(), byHand: byHand, path: public.Path, listener: listener}, nil
}

// serve answers browsers until close.
func (c *callback) serve(l *Login) {
	c.server.ReadHeaderTimeout, c.server.MaxHeaderBytes = 10*time.Second, 64<<10
	c.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer") // the address has the code
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Connection", "close")
		if r.URL.Path != cmp.Or(c.path, "/") {
			http.Error(w, "There is nothing here.", http.StatusNotFound)
			return
		}
		if r.Method != http.MethodGet {
			http.Error(w, "A browser asks with GET.", http.StatusMethodNotAllowed)
			return
		}
		switch err := l.answer(r.Context(), r.URL.Query()); {
		case errors.Is(err, ErrStray):
			http.Error(w, "This is not the answer to the login that is under way here.", http.StatusBadRequest)
		case err != nil:
			http.Error(w, "The login to "+l.server.Name+" failed: "+err.Error(), http.StatusBadRequest)
		default:
			_, _ = io.WriteString(w, "You are logged in to "+l.server.Name+". You may close this window.\n")
		}
	})
	c.work.Go(func() { _ = c.server.Serve(c.listener) })
}

// farewell bounds the last answer to a browser.
const farewell = 2 * time.Second

// close lets the last answer out, and waits until nobody listens.
func (c *callback) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if c.server.Shutdown(ctx) != nil {
		_ = c.server.Close()
	}
	_ = c.listener.Close() // served or not
	c.work.Wait()
}
