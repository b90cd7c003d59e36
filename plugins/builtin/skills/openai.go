package skills

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/codexhost/codexhost/plugins/skill"
)

// maxMeta bounds agents/openai.yaml, in bytes.
const maxMeta = 256 << 10

// parseMeta adds what an agents/openai.yaml says. A file in which something has
// the wrong kind counts for nothing, as in the reference; it does not make the
// skill unusable.
func parseMeta(b []byte, s *skill.Skill) {
	root, more, err := yamlRoot([]byte(strings.TrimPrefix(string(b), "\ufeff")))
	if err != nil || root == nil || more {
		return
	}
	var face *skill.Interface
	var tools []skill.Tool
	var policy skill.Policy
	err = record(root, "SkillMetadataFile", func(key string, value *yaml.Node) (err error) {
		if isNull(deref(value)) {
			return nil
		}
		switch key {
		case "interface":
			face, err = parseInterface(value)
		case "dependencies":
			tools, err = parseTools(value)
		case "policy":
			policy, err = parsePolicy(value)
		}
		return err
	}, "interface", "dependencies", "policy")
	if err == nil {
		s.Interface, s.Tools, s.Policy = face, tools, policy
	}
}

func parseInterface(n *yaml.Node) (*skill.Interface, error) {
	var i skill.Interface
	err := texts(n, "Interface", map[string]*string{
		"display_name": &i.DisplayName, "short_description": &i.ShortDescription, "icon_small": &i.IconSmall,
		"icon_large": &i.IconLarge, "brand_color": &i.BrandColor, "default_prompt": &i.DefaultPrompt,
	})
	if err != nil || i == (skill.Interface{}) {
		return nil, err
	}
	return &i, nil
}

func parseTools(n *yaml.Node) (tools []skill.Tool, err error) {
	err = record(n, "Dependencies", func(_ string, value *yaml.Node) error {
		return each(value, func(n *yaml.Node) error {
			var t skill.Tool
			err := texts(n, "DependencyTool", map[string]*string{
				"type": &t.Type, "value": &t.Value, "description": &t.Description,
				"transport": &t.Transport, "command": &t.Command, "url": &t.URL,
			})
			tools = append(tools, t)
			return err
		})
	}, "tools")
	return tools, err
}

func parsePolicy(n *yaml.Node) (p skill.Policy, err error) {
	err = record(n, "Policy", func(key string, value *yaml.Node) error {
		if key == "products" {
			return each(value, func(n *yaml.Node) error {
				name, err := product(n)
				p.Products = append(p.Products, name)
				return err
			})
		}
		allow := true
		if v := deref(value); !isNull(v) && (v.ShortTag() != "!!bool" || v.Decode(&allow) != nil) {
			return wrongType(v, "a boolean")
		}
		p.ExplicitOnly = !allow
		return nil
	}, "products", "allow_implicit_invocation")
	return p, err
}

// product reads the name of one of the products that there are.
func product(n *yaml.Node) (string, error) {
	name, err := scalar(n)
	if err != nil {
		return "", err
	}
	switch name {
	case "codex", "CODEX", "chatgpt", "CHATGPT", "atlas", "ATLAS":
		return strings.ToLower(name), nil
	}
	return "", wrongType(deref(n), "a product")
}

// texts reads the fields of a mapping that are all texts.
func texts(n *yaml.Node, name string, fields map[string]*string) error {
	known := make([]string, 0, len(fields))
	for k := range fields {
		known = append(known, k)
	}
	return record(n, name, func(key string, value *yaml.Node) (err error) {
		*fields[key], err = scalar(value)
		return err
	}, known...)
}

// each calls take with the elements of a sequence.
func each(n *yaml.Node, take func(*yaml.Node) error) error {
	n = deref(n)
	if n.Kind != yaml.SequenceNode {
		return wrongType(n, "a sequence")
	}
	for _, e := range n.Content {
		if err := take(e); err != nil {
			return err
		}
	}
	return nil
}
