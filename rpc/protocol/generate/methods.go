package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// method is one row of a method table.
type method struct {
	name         string
	params       string // the definition of the params, "" for none
	nullable     bool   // the params may be null or absent although they have a type
	answer       string // the definition of the answer; "" for notifications
	experimental bool
	hidden       bool // known to the reference's texts only
}

type methods struct {
	clientRequests, clientNotifications, serverRequests, serverNotifications []method
}

func (m *model) methods() *methods {
	t := &methods{
		clientRequests:      m.methodList("ClientRequest", true),
		clientNotifications: m.methodList("ClientNotification", false),
		serverRequests:      m.methodList("ServerRequest", true),
		serverNotifications: m.methodList("ServerNotification", false),
	}
	for left := len(exceptions["hidden"]); left > 0; left-- {
		for i := 0; i < len(t.clientRequests); i++ {
			for name, after := range exceptions["hidden"] {
				if after == t.clientRequests[i].name && !used["hidden"][name] {
					exceptions.has("hidden", name)
					t.clientRequests = slices.Insert(t.clientRequests, i+1, method{name: name, hidden: true})
				}
			}
		}
	}
	return t
}

func (m *model) methodList(def string, answers bool) []method {
	stable := map[string]bool{}
	for _, x := range m.stable.top[def].OneOf {
		stable[x.Properties["method"].Enum[0]] = true
	}
	var list []method
	for _, x := range m.exp.top[def].OneOf {
		r := method{name: x.Properties["method"].Enum[0]}
		r.experimental = !stable[r.name]
		if p := x.Properties["params"]; p != nil && !p.isNull() {
			r.nullable = len(p.AnyOf) == 2
			if r.nullable {
				p = p.AnyOf[0]
			}
			r.params = refName(p.Ref)
		}
		if answers {
			r.answer = strings.TrimSuffix(r.params, "Params") + "Response"
			if name, ok := exceptions.get("answer", r.name); ok {
				r.answer = name
			}
			if m.exp.defs[r.answer] == nil {
				panic(r.name + ": no definition of its answer " + r.answer)
			}
		}
		list = append(list, r)
	}
	return list
}

// hostRoots are the definitions that the host writes as a whole.
func (t *methods) hostRoots() []string {
	var names []string
	for _, r := range t.clientRequests {
		names = append(names, r.answer)
	}
	for _, r := range slices.Concat(t.serverRequests, t.serverNotifications) {
		names = append(names, r.params)
	}
	return names
}

func (t *methods) clientRoots() []string {
	var names []string
	for _, r := range slices.Concat(t.clientRequests, t.clientNotifications) {
		names = append(names, r.params)
	}
	for _, r := range t.serverRequests {
		names = append(names, r.answer)
	}
	return names
}

// document gives the types that methods name their comments.
func (t *methods) document(m *model) {
	doc := func(name, text string) {
		if d := m.byName[name]; d != nil && d.doc == "" {
			d.doc = text
		}
	}
	for _, r := range slices.Concat(t.clientRequests, t.serverRequests) {
		doc(r.params, "is the params of "+r.name+".")
		doc(r.answer, "is the answer to "+r.name+".")
	}
	for _, r := range t.serverNotifications {
		doc(r.params, "is the params of the notification "+r.name+".")
	}
}

func (m *model) emitMethods(t *methods) []byte {
	b := new(bytes.Buffer)
	m.header(b)
	tables := []struct {
		name, doc string
		rows      []method
	}{
		{"clientRequests", "is the requests that a client makes, in the schema's order, which is that of the texts that list them.", t.clientRequests},
		{"serverRequests", "is the requests that the host makes of its client.", t.serverRequests},
		{"clientNotifications", "is the notifications that a client sends.", t.clientNotifications},
		{"serverNotifications", "is the notifications that the host sends.", t.serverNotifications},
	}
	b.WriteString("// The names of the methods.\nconst (\n")
	seen := map[string]bool{}
	for _, table := range tables {
		for _, r := range table.rows {
			if name := "Method" + camel(r.name); !r.hidden && !seen[name] {
				seen[name] = true
				fmt.Fprintf(b, "%s = %q\n", name, r.name)
			}
		}
	}
	b.WriteString(")\n\n")
	for _, table := range tables {
		fmt.Fprintf(b, "// %s %s\nvar %s = [...]Method{\n", table.name, table.doc, table.name)
		for _, r := range table.rows {
			fmt.Fprintf(b, "{Name: %q", r.name)
			if r.params != "" {
				fmt.Fprintf(b, ", Params: func() any { return new(%s) }", r.params)
			}
			if r.answer != "" {
				fmt.Fprintf(b, ", Result: func() any { return new(%s) }", r.answer)
			}
			for _, flag := range []struct {
				name string
				on   bool
			}{{"Nullable", r.nullable}, {"Experimental", r.experimental}, {"Hidden", r.hidden}} {
				if flag.on {
					fmt.Fprintf(b, ", %s: true", flag.name)
				}
			}
			b.WriteString("},\n")
		}
		b.WriteString("}\n\n")
	}
	for _, table := range tables {
		fmt.Fprintf(b, "func %sIndex(name string) int {\nswitch name {\n", strings.TrimSuffix(table.name, "s"))
		for i, r := range table.rows {
			fmt.Fprintf(b, "case %q:\nreturn %d\n", r.name, i)
		}
		b.WriteString("}\nreturn -1\n}\n\n")
	}
	return gofmt("methods", b.Bytes())
}
