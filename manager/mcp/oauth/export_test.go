package oauth

import "time"

// SetNow has a source believe in another time. It is called before use.
func (s *Source) SetNow(now func() time.Time) { s.now = now }

// Mark is the end of the redirect URI of a client registered by hand.
var Mark = mark
