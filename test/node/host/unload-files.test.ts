/** What imports hold of the machine, files and sockets, goes with the module. */
import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { expect, test } from "vitest";
import { TrapError, type ImportScope } from "../../../host/node/index.ts";
import { poker } from "./fixtures.ts";
import { type Any, host } from "./support.ts";

test("what an import has opened is closed when the module goes, after a trap too", async () => {
  const files: FileHandle[] = [];
  const servers: Server[] = [];
  const imports = async ({ defer }: ImportScope): Promise<object> => {
    const file = await open(import.meta.filename);
    const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
    files.push(file);
    servers.push(server);
    defer(() => file.close(), "a file");
    defer(async () => {
      for (const connection of connections) connection.destroy();
      server.close();
      await once(server, "close");
    }, "a server");
    const poke = (value: number): void => {
      if (value === 0) throw new Error("poked");
    };
    return { "demo:poke/host": { poke } };
  };
  const connections: Socket[] = [];
  for (const traps of [false, true]) {
    const module: Any = await host().load(await poker(), { name: "poker", imports });
    const [file, server] = [files.at(-1)!, servers.at(-1)!];
    const { port } = server.address() as AddressInfo;
    const connection = connect(port, "127.0.0.1");
    connections.push(connection);
    await once(connection, "connect");
    expect([module.exports.run(7), file.fd >= 0, server.listening]).toEqual([7, true, true]);
    if (traps) expect(() => module.exports.run(0)).toThrow(TrapError);
    const receipt = await module.unload();
    expect(receipt).toMatchObject({ deferredRun: 2, errors: [], cut: [] });
    expect([file.fd, server.listening, connection.destroyed]).toEqual([-1, false, true]);
    const again = connect(port, "127.0.0.1");
    expect(await once(again, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
  }
});
