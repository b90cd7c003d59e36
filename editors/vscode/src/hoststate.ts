/** Whether there is a host, and if not why. */
export type HostState =
	| { is: "stopped" }
	| { is: "starting"; again: boolean }
	| { is: "running"; pid: number; userAgent: string; home: string }
	| { is: "failed"; reason: string };
