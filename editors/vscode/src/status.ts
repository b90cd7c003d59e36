// The host, its skills and its MCP servers, with what is wrong with them.
import * as vscode from "vscode";
import type { McpServerStatus, Notifications, SkillErrorInfo, SkillMetadata } from "./protocol.gen";
import type { Session } from "./session";
import { roots } from "./settings";

interface Line {
	/** The same for the same thing, so that what is unfolded stays so. */
	id: string;
	label: string;
	description?: string;
	tooltip?: string;
	icon: string;
	children?: Line[];
	file?: string;
}

export class Status implements vscode.TreeDataProvider<Line> {
	private readonly emitter = new vscode.EventEmitter<void>();
	readonly onDidChangeTreeData = this.emitter.event;
	private timer: NodeJS.Timeout | undefined;
	private lines: Promise<Line[]> | undefined;
	private readonly startups = new Map<string, Notifications["mcpServer/startupStatus/updated"]>();

	constructor(private readonly session: Session, private readonly skillsRead: (skills: SkillMetadata[]) => void) {}

	/** Several changes at once are one, and one that changes nothing is none: a tree that is drawn anew folds under the cursor. */
	refresh(): void {
		if (!this.lines) return;
		clearTimeout(this.timer);
		this.timer = setTimeout(async () => {
			const [before, now] = [this.lines, this.load()];
			this.lines = now;
			const same = JSON.stringify(await before) === JSON.stringify(await now);
			if (!same) this.emitter.fire();
		}, 100);
	}

	startup(update: Notifications["mcpServer/startupStatus/updated"]): void {
		this.startups.set(update.name, update);
		this.refresh();
	}

	hostDied(): void {
		this.startups.clear();
		this.refresh();
	}

	async getChildren(line?: Line): Promise<Line[]> {
		return line ? line.children ?? [] : (this.lines ??= this.load());
	}

	private async load(): Promise<Line[]> {
		try {
			return await this.read();
		} catch (error) {
			return [{ id: "error", label: (error as Error).message, icon: "error" }];
		}
	}

	private async read(): Promise<Line[]> {
		const { state } = this.session.keeper;
		if (state.is !== "running") {
			const texts = { stopped: "The host is not started", starting: "The host is starting", failed: "The host does not run" };
			return [{ id: "host", label: texts[state.is], tooltip: state.is === "failed" ? state.reason : undefined, description: state.is === "failed" ? state.reason : undefined, icon: state.is === "failed" ? "error" : "circle-outline" }];
		}
		const [skills, servers] = await Promise.all([this.skills(), this.servers()]);
		return [
			{ id: "host", label: "Host", description: state.userAgent, tooltip: `${state.userAgent}\nprocess ${state.pid}\n${state.home}`, icon: "vm-running" },
			skills, servers,
		];
	}

	async readSkills(forceReload = false): Promise<{ skills: SkillMetadata[]; errors: SkillErrorInfo[] }> {
		const { data } = await this.session.request("skills/list", { cwds: roots(), ...(forceReload ? { forceReload } : {}) });
		const byPath = new Map(data.flatMap((entry) => entry.skills).map((skill) => [skill.path, skill]));
		const skills = [...byPath.values()];
		this.skillsRead(skills);
		return { skills, errors: data.flatMap((entry) => entry.errors) };
	}

	private async skills(): Promise<Line> {
		const { skills, errors } = await this.readSkills();
		return {
			id: "skills", label: "Skills", description: errors.length > 0 ? `${skills.length}, ${errors.length} broken` : String(skills.length), icon: errors.length > 0 ? "warning" : "mortar-board",
			children: [
				...errors.map((error): Line => ({ id: error.path, label: error.path.split(/[\\/]/).slice(-2).join("/"), description: error.message, tooltip: `${error.path}\n${error.message}`, icon: "error", file: error.path })),
				...skills.map((skill): Line => ({ id: skill.path, label: skill.name, description: skill.enabled ? (skill.shortDescription ?? skill.description) : "disabled", tooltip: `${skill.description}\n${skill.scope}: ${skill.path}`, icon: skill.enabled ? "book" : "circle-slash", file: skill.path })),
			],
		};
	}

	private async servers(): Promise<Line> {
		const { data } = await this.session.request("mcpServerStatus/list", {});
		const children = data.map((server) => this.server(server));
		const broken = children.filter((one) => one.icon === "error").length;
		return { id: "servers", label: "MCP servers", description: broken > 0 ? `${data.length}, ${broken} broken` : String(data.length), icon: broken > 0 ? "warning" : "server", children };
	}

	private server(server: McpServerStatus): Line {
		const startup = this.startups.get(server.name);
		const failure = server.toolsError ?? (startup?.status === "failed" ? startup.error : undefined);
		const tools = Object.values(server.tools);
		return {
			id: `server ${server.name}`, label: server.name, icon: failure ? "error" : startup?.status === "starting" ? "loading~spin" : "plug",
			description: failure ?? (startup?.status === "starting" ? "starting" : `${tools.length} tools`), tooltip: failure ?? undefined,
			children: tools.map((tool) => ({ id: `tool ${server.name} ${tool.name}`, label: tool.name, description: tool.description ?? undefined, tooltip: tool.description ?? undefined, icon: "wrench" })),
		};
	}

	getTreeItem(line: Line): vscode.TreeItem {
		const fold = line.children?.length ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None;
		const item = new vscode.TreeItem(line.label, fold);
		item.id = line.id;
		item.description = line.description;
		item.tooltip = line.tooltip;
		item.iconPath = new vscode.ThemeIcon(line.icon);
		item.accessibilityInformation = { label: [line.label, line.icon === "error" ? "broken" : "", line.description].filter(Boolean).join(", ") };
		if (line.file) item.command = { command: "vscode.open", title: "Open", arguments: [vscode.Uri.file(line.file)] };
		return item;
	}
}
