// Command wordcount is an MCP server that counts words, and an example of one: a program of its own that speaks MCP on
// its standard streams. codexhost starts it when config.toml says so:
//
//	[mcp_servers.wordcount]
//	command = "/path/to/wordcount"
//
// It offers one tool, count_words, which reads nothing but its argument and is marked as read-only, so a host may run it
// without asking anybody. Nothing of the host is imported: any MCP server, in any language, is used in the same way.
//
// Standard output carries messages only. The server ends when its standard input does, which is how a host ends it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newServer().Run(ctx, &mcp.StdioTransport{})
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "wordcount:", err)
		os.Exit(1)
	}
}

func newServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "wordcount", Version: "1.0.0"}, nil)
	closed := false
	mcp.AddTool(server, &mcp.Tool{
		Name:        "count_words",
		Description: "Counts the words, characters and lines of a text.",
		Annotations: &mcp.ToolAnnotations{Title: "Count words", ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &closed},
	}, countWords)
	return server
}

// An argument is what the tool is called with. Its schema is made from the tags.
type argument struct {
	Text string `json:"text" jsonschema:"the text whose words are counted"`
}

func countWords(_ context.Context, _ *mcp.CallToolRequest, a argument) (*mcp.CallToolResult, any, error) {
	c := count(a.Text)
	said := strings.Join([]string{plural(c.words, "word"), plural(c.characters, "character"), plural(c.lines, "line")}, ", ")
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: said}}}, nil, nil
}

type counts struct{ words, characters, lines int }

// count takes a word for what stands between blanks, and a last line for a line even if nothing ends it.
func count(text string) counts {
	c := counts{words: len(strings.Fields(text)), characters: utf8.RuneCountInString(text), lines: strings.Count(text, "\n")}
	if text != "" && !strings.HasSuffix(text, "\n") {
		c.lines++
	}
	return c
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
