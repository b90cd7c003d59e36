// Package skills is the built-in skill provider: folders with a SKILL.md in
// them. It owns the walk, the front matter and agents/openai.yaml, and a memory
// of what it read, so that asking again costs a look at each file's stamp.
//
// It runs as a plugin process of the host's own binary and behaves as any other
// provider does: it looks only into the roots that it is given, and hands over
// what it found, raw. Names, limits, order and visibility are the host's
// business. It writes nothing, runs nothing and follows no link out of the
// folder that a root must stay within.
//
// List and Read block on the file system alone and stop when their context
// ends. Lists of the same roots run one after another, others side by side.
package skills
