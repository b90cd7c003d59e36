package protocol

// SkillListing is an entry of skills/list with its generation.
type SkillListing struct {
	Cwd string `wire:"cwd"`
	// Generation grows whenever skills may have changed; two entries with the same one say the same. A turn works with one
	// listing from its beginning to its end.
	Generation int64            `wire:"generation"`
	Skills     []SkillMetadata  `wire:"skills"`
	Errors     []SkillErrorInfo `wire:"errors"`
}

// SkillListingsParams is the params of codexhost/skills/list, which are those of skills/list.
type SkillListingsParams struct {
	Cwds        []string `wire:"cwds,optional"`
	ForceReload bool     `wire:"forceReload,optional"`
	Unknown     Members  `wire:",unknown"`
}

// SkillListingsResponse is the answer to codexhost/skills/list.
type SkillListingsResponse struct {
	Data []SkillListing `wire:"data"`
	// Watching says how changes are noticed: idle (nobody needs to hear of them yet), events, polling, mixed, or inert, where
	// they are not.
	Watching string `wire:"watching"`
}

// SkillsChange is the params of codexhost/skills/changed: how the skills of a folder differ from what the client was told of
// them last, by skills/list, codexhost/skills/list or this notification. It is told of the folders that the client has listed.
type SkillsChange struct {
	Cwd string `wire:"cwd"`
	// Since is the generation that the client knows, Generation the one that it then has.
	Since      int64           `wire:"since"`
	Generation int64           `wire:"generation"`
	Added      []SkillMetadata `wire:"added"`
	// Changed are skills in whose folder a file changed, or that another setting switched.
	Changed []SkillMetadata `wire:"changed"`
	Removed []RemovedSkill  `wire:"removed"`
	// Errors are all errors that there are now; absent if they are the same as before.
	Errors *[]SkillErrorInfo `wire:"errors,optional,omit"`
}

// RemovedSkill is a skill that is not there any more.
type RemovedSkill struct {
	Name string `wire:"name"`
	Path string `wire:"path"`
}
