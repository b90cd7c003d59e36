package tool

import (
	"math/rand/v2"
	"testing"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/rollout"
)

// A command is told as policy writes it and read back as rollout does: they must
// quote alike, or an item changes between the two.
func TestCommandsAreShownAlike(t *testing.T) {
	alphabet := []rune("ab '\"$\\!^ \n\t*;é=~#`{")
	for range 20_000 {
		word := make([]rune, rand.IntN(8))
		for i := range word {
			word[i] = alphabet[rand.IntN(len(alphabet))]
		}
		argv := []string{"/bin/bash", "-lc", string(word)}
		if told, read := policy.Join(argv), rollout.JoinCommand(argv); told != read {
			t.Fatalf("%q is told as %s and read as %s", argv, told, read)
		}
	}
}
