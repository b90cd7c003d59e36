package main

import (
	"strings"
	"unicode"
)

// words cuts a JSON name at everything that is no letter or digit and where a lower-case letter meets an upper-case one.
func words(name string) []string {
	var list []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			list = append(list, string(word))
			word = nil
		}
	}
	prev := rune(0)
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
		case unicode.IsUpper(r) && (unicode.IsLower(prev) || unicode.IsDigit(prev)):
			flush()
			word = append(word, r)
		default:
			word = append(word, r)
		}
		prev = r
	}
	flush()
	return list
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// camel is the Go form of a tag or an enum value: agentMessage and agent-message are AgentMessage, IN_PROGRESS is InProgress.
func camel(value string) string {
	shout := value == strings.ToUpper(value)
	var b strings.Builder
	for _, w := range words(value) {
		if shout {
			w = strings.ToLower(w)
		}
		b.WriteString(title(w))
	}
	return b.String()
}

var initialisms = map[string]string{"Id": "ID", "Ids": "IDs", "Url": "URL", "Urls": "URLs", "Json": "JSON"}

// fieldName is the Go field of a member: threadId is ThreadID, text_elements is TextElements.
func fieldName(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		w = title(w)
		if fixed, ok := initialisms[w]; ok {
			w = fixed
		}
		b.WriteString(w)
	}
	return b.String()
}
