package oauth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Credentials are what a login left behind.
type Credentials struct {
	Name, URL    string // of the server
	Issuer       string // the authorization server; empty where another program did not note it
	ClientID     string
	ClientSecret string // of a client that could only be registered with one
	AccessToken  string
	RefreshToken string    // empty if there is none, or it was refused
	Expires      time.Time // of the access token; zero if that was not said
	Scopes       []string
}

// Usable says whether there is a chance that a server accepts them.
func (c *Credentials) Usable(now time.Time) bool {
	return c != nil && (c.RefreshToken != "" || !c.expired(now))
}

func (c *Credentials) expired(now time.Time) bool {
	return c.AccessToken == "" || !c.Expires.IsZero() && !now.Before(c.Expires)
}

// fresh says whether the access token can be sent. It is renewed some time
// before it expires: half a minute, or the last quarter of a short life, which
// began, as far as can be told, when the file was written.
func (c *Credentials) fresh(now, written time.Time) bool {
	if c.Expires.IsZero() {
		return c.AccessToken != ""
	}
	return !c.expired(now.Add(min(early, max(0, c.Expires.Sub(written)/4))))
}

const early = 30 * time.Second

// key is the name of a server's entry in the file.
func key(name, url string) string {
	text, err := jsontext.AppendQuote([]byte(`{"type":"http","url":`), url)
	if err != nil { // not UTF-8: appended with replacements, which will do for a hash
		text = append(text, '"')
	}
	sum := sha256.Sum256(append(text, `,"headers":{}}`...))
	return name + "|" + hex.EncodeToString(sum[:8])
}

// entry is a server's credentials as the file has them. Members that are not
// ours stay as they are.
type entry map[string]json.RawMessage

func (e entry) credentials() *Credentials {
	c := &Credentials{}
	var expires *float64 // milliseconds
	for name, to := range map[string]any{
		"server_name": &c.Name, "server_url": &c.URL, "issuer": &c.Issuer, "client_id": &c.ClientID, "client_secret": &c.ClientSecret,
		"access_token": &c.AccessToken, "refresh_token": &c.RefreshToken, "expires_at": &expires, "scopes": &c.Scopes,
	} {
		if raw, ok := e[name]; ok {
			_ = json.Unmarshal(raw, to) // of another type: as good as absent
		}
	}
	if expires != nil {
		c.Expires = time.UnixMilli(int64(*expires))
	}
	return c
}

// with is the entry with other credentials.
func (e entry) with(c *Credentials) entry {
	out := make(entry, len(e)+9)
	for name, raw := range e {
		out[name] = raw
	}
	set := func(name string, v any, there bool) {
		delete(out, name)
		if there {
			out[name], _ = json.Marshal(v) // strings and numbers
		}
	}
	set("server_name", c.Name, true)
	set("server_url", c.URL, true)
	set("issuer", c.Issuer, c.Issuer != "")
	set("client_id", c.ClientID, true)
	set("client_secret", c.ClientSecret, c.ClientSecret != "")
	set("access_token", c.AccessToken, true)
	set("refresh_token", c.RefreshToken, c.RefreshToken != "")
	set("expires_at", c.Expires.UnixMilli(), !c.Expires.IsZero())
	set("scopes", c.Scopes, len(c.Scopes) > 0)
	return out
}
