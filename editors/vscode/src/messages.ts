// What the view and the extension say to each other. The view holds no state of its own that it could not be told again.
import type { Asked, Values } from "./approvals";
import type { HostState } from "./hoststate";
import type { Entry, TurnState } from "./model";
import type { TurnPlanStep } from "./protocol.gen";

export type TurnHead = Omit<TurnState, "entries" | "diff"> & { changedFiles: number };

/** What is around the conversation. */
export interface Bar {
	threadId: string | undefined;
	title: string;
	busy: boolean;
	model: string;
	effort: string;
	sandbox: string;
	approvals: string;
	mode: string;
	folder: string;
	tokens: number | undefined;
	/** 0 to 1. */
	contextLeft: number | undefined;
	plan: { explanation: string | null; steps: TurnPlanStep[] } | undefined;
	host: HostState;
	questions: Asked[];
}

export interface Notice {
	kind: "info" | "warning" | "error";
	text: string;
}

export interface Attachment {
	label: string;
	/** What the model gets. */
	text?: string;
	/** A data URL. */
	image?: string;
}

export interface Suggestion {
	insert: string;
	label: string;
	detail: string;
}

export type ToView =
	| { type: "reset"; turns: { head: TurnHead; entries: Entry[] }[]; notices: Notice[]; bar: Bar }
	| { type: "update"; turns: TurnHead[]; entries: Entry[]; bar: Bar }
	| { type: "notice"; notice: Notice }
	| { type: "attach"; attachment: Attachment }
	| { type: "insert"; text: string }
	| { type: "focus" }
	| { type: "suggestions"; query: string; list: Suggestion[] }
	| { type: "sent" }
	| { type: "unsent"; reason: string };

export type FromView =
	| { type: "ready" }
	| { type: "send"; text: string; attachments: Attachment[] }
	| { type: "interrupt" }
	| { type: "answer"; key: string; choice: number; values: Values }
	| { type: "suggest"; query: string }
	| { type: "copy"; text: string }
	| { type: "insertCode"; text: string }
	| { type: "diff"; turnId?: string; itemId: string; index: number }
	| { type: "turnDiff"; turnId: string }
	| { type: "fork"; turnId: string }
	| { type: "link"; href: string }
	| { type: "command"; command: "selectModel" | "selectEffort" | "selectSandbox" | "selectApprovals" | "selectMode" | "restartHost" | "showLog" | "newThread" | "openSettings" };
