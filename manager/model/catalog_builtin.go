package model

// builtinModels is the list where no file replaces it: the OpenAI models that Codex users choose
// from, and the offline model. Sorted by priority.
func builtinModels() []Info {
	six := func(slug, name, description, effort string, priority int) Info {
		return openAI(slug, name, description, effort, priority, "low", "medium", "high", "xhigh", "max", "ultra")
	}
	models := []Info{
		six("gpt-6.1-sol", "GPT-6.1-Sol", "The current all-round model for code and daily work.", "low", 1),
		six("gpt-6-astra", "GPT-6-Astra", "The strongest model, for the hardest problems.", "low", 2),
		six("gpt-6-sol", "GPT-6-Sol", "The all-round model before the current one.", "medium", 3),
		openAI("gpt-6-luna", "GPT-6-Luna", "Quick and cheap, for simpler jobs.", "medium", 4, "low", "medium", "high", "xhigh", "max"),
		upgrade(six("gpt-5.6-sol", "GPT-5.6-Sol", "An older all-round model.", "low", 5), "gpt-6-sol"),
		six("gpt-6.1-terra", "GPT-6.1 Terra", "A balance of cost and strength.", "low", 6),
		upgrade(six("gpt-5.6-terra", "GPT-5.6-Terra", "An older balanced model.", "medium", 7), "gpt-6-sol"),
		upgrade(openAI("gpt-5.6-luna", "GPT-5.6-Luna", "An older quick model.", "medium", 8, "low", "medium", "high", "xhigh", "max"), "gpt-6-luna"),
		upgrade(openAI("gpt-5.5", "GPT-5.5", "The coding model of an earlier generation.", "medium", 9, "low", "medium", "high", "xhigh"), "gpt-6-sol"),
		offlineInfo(),
	}
	return models
}

func openAI(slug, name, description, effort string, priority int, efforts ...string) Info {
	m := fallback(slug)
	m.DisplayName, m.Description, m.Visibility, m.Priority = name, description, "list", priority
	m.DefaultReasoningLevel = effort
	m.SupportedReasoningLevels = levels(efforts)
	m.SupportVerbosity = true
	m.ApplyPatchToolType = "freeform"
	m.TruncationPolicy = TruncationPolicy{Mode: "tokens", Limit: fallbackTruncation}
	m.ServiceTiers = []ServiceTier{{ID: "priority", Name: "Fast", Description: "Answers sooner, counts more against your limits."}}
	m.AdditionalSpeedTiers = []string{"fast"}
	return m
}

func upgrade(m Info, to string) Info {
	m.Upgrade = &Upgrade{Model: to}
	return m
}

func levels(efforts []string) []ReasoningLevel {
	out := make([]ReasoningLevel, len(efforts))
	for i, e := range efforts {
		out[i] = ReasoningLevel{e, effortText(e)}
	}
	return out
}

func effortText(effort string) string {
	switch effort {
	case "low":
		return "Answers fast, thinks little"
	case "medium":
		return "Weighs speed against depth"
	case "high":
		return "Thinks longer about hard problems"
	case "xhigh":
		return "Thinks much longer"
	case "max":
		return "Thinks as long as it takes"
	case "ultra":
		return "Thinks as long as it takes, and looks at the problem from several sides"
	}
	return ""
}

// offlineInfo comes last: it is there for those who ask for it or have nothing else.
func offlineInfo() Info {
	m := fallback(OfflineModel)
	m.DisplayName, m.Visibility, m.Priority = "Offline", "list", 100
	m.Description = "Built in, offline and scripted: no network, no key, no thinking. For a first try, tests and CI."
	m.DefaultReasoningLevel = "none"
	m.SupportedReasoningLevels = []ReasoningLevel{{"none", "It does not think"}}
	m.ApplyPatchToolType = "freeform"
	return m
}

// baseInstructions open the conversation with every model that brings none of its own.
const baseInstructions = `You are a coding agent that works for a user inside their own workspace, through the tools you are given.

How to work
- Read before you change. Look at the files, the conventions and the tests around a place before you edit it, and follow what you find there, AGENTS.md included; the nearest AGENTS.md above a file governs it.
- Do what was asked, wholly: carry a task through to a working, checked result before you hand it back, and ask only where a choice is truly the user's.
- Keep changes small and to the point. Fix causes, not symptoms. Leave alone what the task does not touch, and never undo changes that you did not make.
- Prefer the tools made for a job: apply_patch to edit files, rg to search. Run commands in the workspace; do not commit, push, delete or install unless the task asks for it.
- Check your work: run the narrowest test that covers it, then wider ones, and say plainly what you could not check.
- Some commands run in a sandbox or need approval. When one is refused, find another way or say what you would need; do not work around the refusal.

How to talk
- Before a longer series of tool calls say in one sentence what you are about to do.
- Be brief, concrete and honest. Name files as path:line. Do not paste whole files that the user can open.
- End with what changed, what you verified, and what remains, if anything.
`
