package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// requestLimit bounds one request to a server or an authorization server.
const requestLimit = 20 * time.Second

// newHTTP is a client for all that belongs to the login to a server. A server on
// a public address cannot send it to this machine or into the local network.
// What is posted goes where it was meant to go, and is not redirected. The caller
// closes its idle connections.
func newHTTP(ctx context.Context, s *Server) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if u, err := url.Parse(s.URL); err == nil && !proxied(u) && !inside(ctx, u.Hostname()) {
		dialer.Control = refuseInside
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = dialer.DialContext
	return &http.Client{Transport: t, Timeout: requestLimit, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch last := via[len(via)-1]; {
		case via[0].Method != http.MethodGet:
			return http.ErrUseLastResponse
		case len(via) >= 5:
			return errors.New("more than 5 redirects")
		case last.URL.Scheme == "https" && r.URL.Scheme != "https":
			return fmt.Errorf("refused to be sent from https to %s", r.URL.Scheme)
		case origin(last.URL) != origin(r.URL):
			for name := range s.Headers { // they may hold a key
				r.Header.Del(name)
			}
		}
		return nil
	}}
}

// proxied says whether a proxy does the connecting.
func proxied(u *url.URL) bool {
	p, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	return err == nil && p != nil
}

// inside says whether a host is this machine or in the local network.
func inside(ctx context.Context, host string) bool {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if local(a) {
			return true
		}
	}
	return false
}

func local(a netip.Addr) bool {
	a = a.Unmap()
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || shared.Contains(a)
}

func refuseInside(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err == nil && local(a.Addr()) {
		return fmt.Errorf("a server on a public address refers to %s, which is not", a.Addr())
	}
	return nil
}
