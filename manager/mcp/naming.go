package mcp

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strings"
)

// Names that the model sees. A model's function names are narrow, and servers'
// names are not, so two raw names can fall together or be too long. Then a hash
// of the raw identity is appended, which makes a name depend on the whole set of
// tools: names are computed once per set, in the order of the identities, so
// that the same set always gets the same names.

const (
	// maxName bounds namespace + "__" + name, in bytes.
	maxName = 128
	// hashDigits of SHA-1 and an underscore are what a suffix adds.
	hashDigits = 12
	suffixLen  = hashDigits + 1
)

// rawName is what identifies a tool: its server and its name, as they are.
type rawName struct{ server, tool string }

// modelName is what the model calls it.
type modelName struct{ namespace, name string }

// namespaceOf is the namespace of a server before clashes are resolved.
func namespaceOf(server string) string { return sanitize("mcp__" + server) }

// sanitize replaces what a model's function name may not have.
func sanitize(s string) string {
	if s == "" {
		return "_"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return '_'
	}, s)
}

// namespaceIdentity and toolIdentity are what is hashed: the server, its
// namespace and a connector, then the tool's callable and raw names. The parts
// differ for hosted connectors only, which we have none of; their shape makes the
// names equal to those that models were shown before.
func namespaceIdentity(server string) string { return server + "\x00" + server + "\x00" }

func toolIdentity(r rawName) string {
	return namespaceIdentity(r.server) + "\x00" + r.tool + "\x00" + r.tool
}

func hashSuffix(identity string) string {
	sum := sha1.Sum([]byte(identity))
	return "_" + hex.EncodeToString(sum[:])[:hashDigits]
}

// nameTools gives every tool of a set its name. Exact duplicates share one.
func nameTools(raw []rawName) map[rawName]modelName {
	tools := slices.Clone(raw)
	slices.SortFunc(tools, func(a, b rawName) int { return strings.Compare(toolIdentity(a), toolIdentity(b)) })
	tools = slices.Compact(tools)

	servers := map[string]map[string]bool{} // by namespace
	for _, t := range tools {
		add(servers, namespaceOf(t.server), t.server)
	}
	namespace := func(server string) string {
		ns := namespaceOf(server)
		if len(servers[ns]) > 1 {
			ns += hashSuffix(namespaceIdentity(server))
		}
		return ns
	}

	clashes := map[string]map[string]bool{} // raw names by model name
	for _, t := range tools {
		add(clashes, namespace(t.server)+"\x00"+sanitize(t.tool), t.tool)
	}
	out := make(map[rawName]modelName, len(tools))
	used := make(map[modelName]bool, len(tools))
	for _, t := range tools {
		n := modelName{namespace(t.server), sanitize(t.tool)}
		if len(clashes[n.namespace+"\x00"+n.name]) > 1 {
			n.name += hashSuffix(toolIdentity(t))
		}
		n = fit(n, toolIdentity(t), used)
		used[n] = true
		out[t] = n
	}
	return out
}

// fit shortens a name that is too long and changes one that is taken. A name
// that was cut ends in the hash of its identity.
func fit(n modelName, identity string, used map[modelName]bool) modelName {
	if n.len() <= maxName && !used[n] {
		return n
	}
	for input := identity; ; input += "\x00" {
		suffix := hashSuffix(input)
		c := n
		// A namespace that leaves no room is cut too, so that every name fits.
		c.namespace = cut(c.namespace, maxName-len("__")-suffixLen)
		c.name = cut(c.name, maxName-len(c.namespace)-len("__")-suffixLen) + suffix
		if !used[c] {
			return c
		}
	}
}

func (n modelName) len() int { return len(n.namespace) + len("__") + len(n.name) }

func cut(s string, n int) string {
	if len(s) > n {
		return s[:max(n, 0)]
	}
	return s
}

func add(sets map[string]map[string]bool, key, member string) {
	if sets[key] == nil {
		sets[key] = map[string]bool{}
	}
	sets[key][member] = true
}
