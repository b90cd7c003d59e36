// JSON lines for vscode-jsonrpc: one message a line, as every app-server reads and writes them.
import type { Readable, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { AbstractMessageReader, AbstractMessageWriter, type DataCallback, type Disposable, type Message, type MessageReader, type MessageWriter } from "vscode-jsonrpc/node";

export class LineReader extends AbstractMessageReader implements MessageReader {
	constructor(private readonly stream: Readable) {
		super();
	}

	// Lines end at "\n" alone: node:readline would also split at U+2028, which JSON text may hold as it is.
	listen(callback: DataCallback): Disposable {
		const decoder = new StringDecoder("utf8");
		let parts: string[] = [];
		const onData = (chunk: Buffer) => {
			const lines = decoder.write(chunk).split("\n");
			for (let i = 0; i < lines.length - 1; i++) {
				const line = parts.join("") + lines[i];
				parts = [];
				this.read(line, callback);
			}
			parts.push(lines[lines.length - 1]!);
		};
		const onEnd = () => this.fireClose();
		const onError = (error: Error) => this.fireError(error);
		this.stream.on("data", onData).once("close", onEnd).on("error", onError);
		return { dispose: () => void this.stream.off("data", onData).off("close", onEnd).off("error", onError) };
	}

	private read(line: string, callback: DataCallback): void {
		if (line.trim() === "") return;
		let message: Message;
		try {
			message = JSON.parse(line) as Message;
		} catch {
			this.fireError(new Error(`the host wrote a line that is no JSON: ${line.slice(0, 200)}`));
			return;
		}
		callback(message);
	}
}

export class LineWriter extends AbstractMessageWriter implements MessageWriter {
	constructor(private readonly stream: Writable) {
		super();
		stream.on("error", (error) => this.fireError(error)).once("close", () => this.fireClose());
	}

	write(message: Message): Promise<void> {
		return new Promise((resolve, reject) => {
			this.stream.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
		});
	}

	end(): void {
		this.stream.end();
	}
}
