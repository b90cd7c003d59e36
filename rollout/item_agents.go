package rollout

// statesToWire turns {id: "word" | {"word": message}} into {id: {status, message}}.
func statesToWire(dst, states []byte) []byte {
	w := objectWriter{append(dst, '{')}
	members(states, func(id, state []byte) bool {
		word, message := decodeString(state), []byte(nil)
		if word == "" {
			members(state, func(key, value []byte) bool {
				word, message = string(key), value
				return false
			})
		}
		w.key(string(id))
		in := objectWriter{append(w.b, '{')}
		in.str("status", camel(word))
		in.orNull("message", message)
		w.b = append(in.b, '}')
		return true
	})
	return append(w.b, '}')
}

func statesToFile(dst, states []byte) []byte {
	w := objectWriter{append(dst, '{')}
	members(states, func(id, state []byte) bool {
		word := snake(memberString(state, "status"))
		w.key(string(id))
		if message := member(state, "message"); !isNull(message) {
			in := objectWriter{append(w.b, '{')}
			in.key(word)
			w.b = append(append(in.b, message...), '}')
		} else {
			w.b = appendString(w.b, word)
		}
		return true
	})
	return append(w.b, '}')
}
