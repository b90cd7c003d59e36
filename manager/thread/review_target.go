package thread

import (
	"fmt"
	"strings"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A ReviewTask is what a reviewer is asked to look at, in two wordings.
type ReviewTask struct {
	Prompt string // for the reviewer
	Hint   string // for people, in a few words
}

// NewReviewTask words a target of a review. The error is for the client.
func NewReviewTask(target protocol.ReviewTarget) (ReviewTask, error) {
	var err error
	needed := func(name, s string) string {
		if s = strings.TrimSpace(s); s == "" {
			err = refuse(KindInvalidInput, "say what is to be reviewed", "%s must not be empty", name)
		}
		return s
	}
	var task ReviewTask
	switch target := target.(type) {
	case *protocol.ReviewTargetUncommittedChanges:
		task = ReviewTask{"Review the current code changes (staged, unstaged, and untracked files) and provide prioritized findings.", "current changes"}
	case *protocol.ReviewTargetBaseBranch:
		task = branchTask(needed("branch", target.Branch))
	case *protocol.ReviewTargetCommit:
		task = commitTask(needed("sha", target.Sha), strings.TrimSpace(value(target.Title)))
	case *protocol.ReviewTargetCustom:
		s := needed("instructions", target.Instructions)
		task = ReviewTask{s, s}
	default:
		err = refuse(KindInvalidInput, "review changes, a branch, a commit, or what instructions name", "the target of the review is of a kind that is not known")
	}
	return task, err
}

// branchTask has the reviewer find the merge base: git runs in its sandbox then.
func branchTask(branch string) ReviewTask {
	return ReviewTask{fmt.Sprintf("Review the code changes against the base branch '%s'. Find the merge base with `git merge-base HEAD %[1]s` "+
		"(or with the branch's upstream, if that is ahead), then run `git diff` against that commit to see what would be merged. Provide prioritized, actionable findings.", branch),
		"changes against '" + branch + "'"}
}

func commitTask(sha, title string) ReviewTask {
	short := sha[:min(len(sha), 7)]
	if title == "" {
		return ReviewTask{"Review the code changes introduced by commit " + sha + ". Provide prioritized, actionable findings.", "commit " + short}
	}
	return ReviewTask{fmt.Sprintf("Review the code changes introduced by commit %s (%q). Provide prioritized, actionable findings.", sha, title),
		"commit " + short + ": " + title}
}
