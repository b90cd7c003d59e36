package rollout

import "encoding/json"

// Contextual reports whether a user message was put there by the host, not said by the user.
func Contextual(message json.RawMessage) bool { return contextual(message) }
