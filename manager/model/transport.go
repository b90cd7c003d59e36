package model

import (
	"net"
	"net/http"
	"time"
)

// Transport is the connection pool that all clients of a process share. Certificate authorities
// are loaded by the first https connection, once; http needs none.
type Transport struct {
	client http.Client
}

// NewTransport makes a pool. Proxies come from the environment. Close it when no stream is left.
func NewTransport() *Transport {
	pool := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   128,  // as many threads may stream at once; the default of 2 would redial for most
		DisableCompression:    true, // a compressed stream comes in blocks, not in events
		ReadBufferSize:        16 << 10,
		WriteBufferSize:       32 << 10,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
	return &Transport{client: http.Client{Transport: pool, CheckRedirect: checkRedirect}}
}

// Close drops idle connections. It is idempotent; streams under way are not touched.
func (t *Transport) Close() { t.client.CloseIdleConnections() }

// checkRedirect follows a redirect only if it keeps the method and stays at the origin: the
// request carries a key and a conversation, which are nobody else's business.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	same := req.Method == first.Method && req.URL.Scheme == first.URL.Scheme && req.URL.Host == first.URL.Host
	if !same || len(via) > 5 {
		return http.ErrUseLastResponse
	}
	return nil
}
