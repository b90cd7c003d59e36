package skills

import (
	"go.yaml.in/yaml/v3"

	"github.com/codexhost/codexhost/plugins/skill"
)

// maxMeta bounds agents/openai.yaml, in bytes.
const maxMeta = 256 << 10

// parseMeta takes what it can from an agents/openai.yaml: a part that is wrong
// is left out, and nothing in it makes the skill unusable.
func parseMeta(b []byte, s *skill.Skill) {
	root, err := yamlRoot(b)
	if err != nil || root == nil {
		return
	}
	if n := child(root, "interface"); n != nil {
		i := skill.Interface{
			DisplayName:      field(n, "display_name"),
			ShortDescription: field(n, "short_description"),
			IconSmall:        field(n, "icon_small"),
			IconLarge:        field(n, "icon_large"),
			BrandColor:       field(n, "brand_color"),
			DefaultPrompt:    field(n, "default_prompt"),
		}
		if i != (skill.Interface{}) {
			s.Interface = &i
		}
	}
	if n := child(root, "dependencies"); n != nil {
		for _, t := range items(n, "tools") {
			s.Tools = append(s.Tools, skill.Tool{
				Type: field(t, "type"), Value: field(t, "value"), Description: field(t, "description"),
				Transport: field(t, "transport"), Command: field(t, "command"), URL: field(t, "url"),
			})
		}
	}
	if n := child(root, "policy"); n != nil {
		var allow bool
		if v := child(n, "allow_implicit_invocation"); v != nil && v.Decode(&allow) == nil {
			s.Policy.ExplicitOnly = !allow
		}
		for _, p := range items(n, "products") {
			if name, err := scalar(p); err == nil && name != "" {
				s.Policy.Products = append(s.Policy.Products, name)
			}
		}
	}
}

// child returns the value of a key of a mapping, nil if there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	n = deref(n)
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return deref(n.Content[i+1])
		}
	}
	return nil
}

// field returns the text of a key's scalar, empty if there is none.
func field(n *yaml.Node, key string) string {
	v := child(n, key)
	if v == nil {
		return ""
	}
	s, _ := scalar(v)
	return s
}

// items returns the elements of a key's sequence.
func items(n *yaml.Node, key string) []*yaml.Node {
	v := child(n, key)
	if v == nil || v.Kind != yaml.SequenceNode {
		return nil
	}
	return v.Content
}
