/**
 * What the README promises, and the tests that show it: the one list, held against both.
 *
 * Every paragraph and bullet of the sections below that begins with bold words has an entry. An entry names sentences as they
 * stand in the README, each with tests as they are called in their files: a promise that is reworded, or whose test goes,
 * fails here until somebody has looked at both.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

/** A part of a sentence, and where it is shown: a test file, a colon and a part of a test's name. */
type Claim = readonly [sentence: string, ...shownBy: readonly [string, ...string[]]];

const claims: Readonly<Record<string, Readonly<Record<string, readonly Claim[]>>>> = {
  "What to know": {
    Values: [
      ["camelCase names, `bigint` for 64-bit integers, typed arrays for lists of numbers", "test/differential/mapping.test.ts: list<u8>", "test/differential/mapping.test.ts: record"],
      ["a function's `result` as return or throw", "test/differential/mapping.test.ts: a function's result is what it returns or throws"],
      ["is a `LowerError` that says where", "test/node/runtime/values.test.ts: refuses %j at %s", "test/fuzz/values.test.ts: as arguments"],
    ],
    Faults: [
      ["a trap, a stack overflow, an import that throws, a violation of the canonical ABI, end as one failed call", "test/node/runtime/traps.test.ts: is a TrapError that locks the instance", "test/node/runtime/thrown.test.ts: ends as one TrapError"],
      ["the next call is a `TrappedError` whose cause is the first trap", "test/node/host/trap.test.ts: the module stays locked until a reload"],
      ["file, line and column where the component brings a source map or, as debug builds of Rust and C do, DWARF line tables", "test/node/runtime/lines.test.ts: have the lines of an inline source map", "test/node/real/dwarf.test.ts: names the lines of C", "test/node/real/dwarf.test.ts: names the author's line in Rust"],
      ["`position` is the innermost in the author's own source, also where an import threw", "test/node/real/trap-lines.test.ts: TrapError.position is the author's line", "test/node/runtime/lines.test.ts: of an import that threw are those of the guest"],
      ["turns errors of a module into values, those of a promise too", "test/node/host/trap.test.ts: attempt awaits what a call promises"],
      ["at once, and with growing waits only where a restart does not help", "test/node/host/trap.test.ts: comes at once, however many there have been", "test/node/host/trap.test.ts: each longer than the one before"],
    ],
    Imports: [
      ["are denied unless given", "test/node/host/load.test.ts: imports are denied unless given"],
      ["a factory that gets the module's scope", "test/node/host/link.test.ts: which sees its scope"],
      ["as a list of these, of which the first that offers an import meets it", "test/node/host/import-list.test.ts: the first entry that offers an import meets it"],
      ["may be met by modules loaded before: interfaces by semver", "test/node/host/link.test.ts: the exact version is preferred"],
      ["functions and resources of a world by name, types checked", "test/node/host/world-link.test.ts: is met by the one module that exports it, and follows its re"],
      ["is reported at once, before anything runs", "test/node/host/link.test.ts: everything missing or mismatched is listed at once", "test/node/runtime/imports.test.ts: are reported all at once"],
    ],
    WASI: [
      ["which `wasi` of `tenon/wasi` gives them", "test/node/wasi/command.test.ts: reads its arguments, its environment and its input", "test/node/build-types.test.ts: the imports of tenon/wasi and of preview2-shim fit"],
      ["two faces of the same files, network, streams and rules", "test/node/wasi/p3/interfaces.test.ts: has every function of every interface of 0.3", "test/node/wasi/p3/files.test.ts: gives nothing that was not given", "test/node/wasi/p3/http.test.ts: refuses what is not granted", "test/node/wasi/p3/run.test.ts: waits for a clock that was given"],
      ["are none unless given", "test/node/wasi/settings.test.ts: that are not given are empty", "test/node/wasi/guest.test.ts: is at its end where none is given"],
      ["is refused at the call, with the interface's own error", "test/node/wasi/settings.test.ts: is refused where none is given", "test/node/wasi/command.test.ts: of what it is refused"],
      ["lines of the console with the module's name", "test/node/wasi/command.test.ts: writes lines to the console, with the module's name"],
      ["has a state of its own, which ends with it", "test/node/wasi/guest.test.ts: each module has a state of its own, and what it left open is closed and counted"],
      ["two runs are the same byte for byte, and sleeping takes no time", "test/node/wasi/command.test.ts: does the same in every run"],
      ["does so in a worker or with `jspi: true`", "test/node/wasi/guest.test.ts: the guest waits for its input, its output and its sleep"],
      ["elsewhere its call fails and says so", "test/node/wasi/guest.test.ts: is refused in this thread, with what to turn on"],
      ["no longer than its `timeoutMs`", "test/node/wasi/guest.test.ts: a sleep in this thread ends with the time of its call"],
      ["are told to `onAccess` and to the channel", "test/node/wasi/guest.test.ts: who listens is told of uses and refusals", "test/node/wasi/channel.test.ts: tenon:access"],
      ["ends the call with an error whose `cause` is an `ExitError`", "test/node/wasi/guest.test.ts: a guest that ends itself with a failure is a trap whose cause has the exit code"],
      ["With 0 that is no trap: the module has exited, as the event `exited` says, and no policy restarts it", "test/node/wasi/guest.test.ts: that ends itself with 0 has exited, which is no trap"],
      ["meet `wasi:config` and `wasi:keyvalue`", "test/node/wasi/settings.test.ts: keeps what is set, alone and in batches"],
      ["can stand in `imports` too", "test/node/real/native.test.ts: wasi:cli/run with arguments"],
    ],
    "The network": [
      ["at any port", "test/node/wasi/net/policy.test.ts: names a host at any port or at one"],
      ["a function that is asked each time", "test/node/wasi/net/policy.test.ts: asks a function", "test/node/wasi/net/http.test.ts: a function may decide later"],
      ["refused at the call with the interface's own error, and `onAccess` is told", "test/node/wasi/net/http.test.ts: is refused with HTTP-request-denied", "test/node/wasi/net/sockets.test.ts: what is not granted is refused"],
      ["`wasi:sockets` are Node's alone", "test/node/wasi/net/sockets.test.ts: a page has no sockets"],
      ["a guest listens where `listen` says", "test/node/wasi/net/sockets.test.ts: where it may listen, and nowhere else"],
      ["shown to the guest and not followed", "test/node/wasi/net/http.test.ts: a redirect is the guest's to see"],
      ["in a page, whose `fetch` hides them, they are an error", "test/node/wasi/net/http.test.ts: a redirect that a page's fetch hides"],
      ["becomes the secret in headers, in the base64 of `Basic` credentials and in queries", "test/node/wasi/net/http.test.ts: secrets reach their hosts", "test/node/wasi/net/http.test.ts: secrets in Basic credentials"],
      ["In bodies it stays a placeholder, for servers often give back what they were sent, and what a host says of a secret that it was sent the guest hears", "test/node/wasi/net/http.test.ts: secrets reach their hosts in headers and queries, not in bodies"],
      ["A guest of WASI 0.2 that has to wait needs `jspi: true`", "test/node/wasi/net/http.test.ts: is told what to turn on"],
      ["or `wasi:http/handler` of 0.3, `toFetchHandler`", "test/node/wasi/p3/http.test.ts: answers by a handler of 0.3, whose bodies are streams both ways"],
      ["makes a function from `Request` to `Response`", "test/node/wasi/net/fetch-handler.test.ts: its answer is a Response", "test/node/wasi/net/javascript.test.ts: the guest's fetch handler streams"],
    ],
    Files: [
      ["`memory()`, which is the same in Node and in pages", "test/node/wasi/files/programs-in-memory.test.ts: a program of C sorts a large file"],
      ["`directory(path)` in Node", "test/node/wasi/files/programs.test.ts: a program of C sorts a large file and walks directories of the machine"],
      ["`readOnly` of another", "test/node/wasi/files/memory.test.ts: answers everything that would change something with read-only"],
      ["writes to the one and reads through to the other", "test/node/wasi/files/model.test.ts: an overlay agrees with one file system that holds what both hold", "test/node/wasi/files/model.test.ts: leaves what is below untouched"],
      ["No path leads out of its file system", "test/node/wasi/files/escapes.test.ts: no path leads out", "test/node/wasi/files/escapes.test.ts: a link that the guest makes leads nowhere either"],
      ["not even while another program swaps directories for links", "test/node/wasi/files/race.test.ts: a guest gets nowhere while its directory is swapped"],
      ["is closed at unload", "test/node/wasi/files/programs.test.ts: what a guest leaves open is closed at unload"],
      ["`memory` holds 64 MiB (`maxBytes`)", "test/node/wasi/files/memory.test.ts: maxBytes: more is insufficient-space", "test/node/wasi/files/memory.test.ts: holds 64 MiB by default"],
      ["is told of every path that is used or refused", "test/node/wasi/files/memory.test.ts: onAccess is told of every use and every refusal"],
    ],
    "The console": [
      ["`console.*`, `trace` and what it writes to `process.stdout`", "test/node/build-console.test.ts: of a module built %s reach the host"],
      ["each line with the module's name before it, or at `host.on(\"console\", …)`", "test/node/host/console.test.ts: each line with the module's name", "test/node/host/console.test.ts: takes the texts in place of the program's console"],
      ["which the host meets where your imports do not", "test/node/host/console.test.ts: console that is given is the one"],
      ["`tenon build --no-console` leaves it out", "test/node/build-console.test.ts: neither does one that is built without"],
      ["Control characters are escaped, and what a module writes at once is bounded", "test/node/host/console.test.ts: cannot move the cursor", "test/node/host/console.test.ts: floods it is bounded"],
    ],
    Reload: [
      ["open, check, instantiate, hand the state over", "test/node/host/reload.test.ts: says how long each stage took", "test/node/host/reload.test.ts: state is handed over"],
      ["Any failure leaves the old version serving", "test/node/host/reload.test.ts: a refused version leaves nothing behind"],
      ["nothing that other modules hold is cut unless you say so", "test/node/host/reload.test.ts: is refused while dependents hold its resources"],
      ["survive reloads and are cut at unload", "test/node/host/reload.test.ts: swaps the version behind the handles", "test/memory/collected.test.ts: prevented: bound handles"],
    ],
    "Asynchronous functions": [
      ["take `{ signal }` as a last argument", "test/node/async/calls.test.ts: ends a call that waits, and its guest is told"],
      ["an unload names the exports and what each waits for", "test/node/async/life.test.ts: is refused while calls wait, names exports and imports", "test/node/async/life.test.ts: says which call has the turn that another waits for"],
      ["they finish on the old version within `drain`", "test/node/async/life.test.ts: swaps at once, and pending calls finish on the old version within drain"],
      ["is rejected with an `UnloadedError` and stands in the receipt", "test/node/async/life.test.ts: gives up calls that do not end within drain, and names them"],
      ["when one call traps, with the trap as `cause`", "test/node/async/life.test.ts: is told once: its call has it, the others have its cause"],
      ["`timeoutMs` counts what it waits for", "test/node/async/limits.test.ts: covers what a call waits for", "test/node/async/limits.test.ts: covers the turns that a call yields for"],
      ["`fuel` and `cpuMs` all that its guest does for it", "test/node/async/limits.test.ts: of a call that runs often is the sum, to the step", "test/node/async/limits.test.ts: cpuMs is the guest's own time of all its turns"],
      ["`module.with({ signal, timeoutMs })` holds throughout", "test/node/async/limits.test.ts: ends a call that yields for ever", "test/node/async/limits.test.ts: is that of each call, of two at once"],
      ["the call alone ends, and its guest is told", "test/node/async/limits.test.ts: covers what a call waits for", "test/node/async/limits.test.ts: ends a call that waits, and its guest is told"],
      ["a guest that computes ends with its instance", "test/node/async/limits.test.ts: ends the instance where the guest computes", "test/node/async/limits.test.ts: that fires while the guest is on the stack"],
      ["has `timeoutMs` each time that it runs", "test/node/async/limits.test.ts: ends the instance where the guest computes, also when it has been told of its cancellation"],
      ["is counted to the call that began it", "test/node/async/limits.test.ts: is counted to the call that began the task"],
      ["needs an engine with JavaScript Promise Integration", "test/node/async/calls.test.ts: traps where the engine cannot suspend it"],
      ["keeps none of its memory, whatever you hold of it", "test/memory/pending.test.ts: leave no memory where all is held that a program can have", "test/memory/suspended.test.ts: leave no memory where all is held that a program can have"],
      ["which no engine collects, is unwound", "test/memory/suspended.test.ts: are unloaded 20,000 times", "test/memory/suspended.test.ts: negative control: keep their memories where their stacks are not unwound", "test/browser/suspended.test.ts: 20,000 modules with suspended calls are unloaded"],
      ["is refused (`too-many-suspended`), and its module goes on", "test/node/async/stacks.test.ts: the next call is refused by that code, its module goes on"],
    ],
    "Streams and futures": [
      ["read by chunks with `for await`, `read(max)` or `readable`", "test/node/async/streams.test.ts: in chunks larger than a guest reads at once", "test/node/async/streams.test.ts: answers reads in order", "test/node/async/streams.test.ts: is a byte stream of the platform"],
      ["leaving the loop cancels it and its writer is told", "test/node/async/streams.test.ts: is cancelled by leaving a loop, and its writer told"],
      ["cut by a trap and at the end of its instance", "test/node/async/streams.test.ts: is cut by a trap and by the end of its instance"],
      ["asked for nothing before the guest reads", "test/node/async/streams.test.ts: is asked for nothing before the guest reads"],
      ["or a stream of another module", "test/node/async/streams.test.ts: is passed on to another"],
      ["leave the event loop a turn every few milliseconds", "test/node/async/turns.test.ts: while a guest reads %s that is always ready", "test/node/async/turns.test.ts: while one guest reads what another gives", "test/node/async/calls.test.ts: that yields for ever leaves turns to the event loop"],
      ["is a promise, and one that nobody reads may reject", "test/node/async/streams.test.ts: is a promise of its value", "test/node/async/streams.test.ts: that nobody reads lets its promise reject"],
    ],
    Unload: [
      ["refuses while others depend on the module or work is under way, and says which", "test/node/host/unload.test.ts: a provider in use is refused with its users named", "test/node/host/unload.test.ts: are named with their owners"],
      ["A module always ends, whatever its clean-ups throw", "test/node/host/endings.test.ts: close unloads every module, whatever the ends"],
      ["`collected` settles when the engine itself has reclaimed every linear memory", "test/memory/collected.test.ts: collected settles by itself", "test/memory/hidden.test.ts: a private memory is proven to be gone"],
      ["holds the memory until somebody has read its stack", "test/memory/collected.test.ts: reading it lets the memory go"],
    ],
    Waiting: [
      ["while the call of one waits, another serves, each resource stays with the instance that made it, and one that traps is replaced", "test/node/host/jspi-pool.test.ts: while one instance's call waits, another serves", "test/node/host/jspi-pool.test.ts: resources are used where they live", "test/node/host/jspi-pool.test.ts: an instance that traps is replaced while the others serve"],
      ["every export returns a promise and imports may return one, for which the guest is suspended while your program goes on", "test/node/host/jspi.test.ts: every export returns a promise", "test/node/host/jspi.test.ts: for which the guest is suspended"],
      ["an import that returns a value suspends nothing", "test/node/host/jspi.test.ts: an import that returns a value suspends nothing"],
      ["One call runs or waits at a time, and the others wait their turn, as many as `queue` allows", "test/node/host/jspi.test.ts: calls are made one at a time", "test/node/host/jspi.test.ts: a call beyond the queue is refused"],
      ["one that waits for its turn too long is refused, or given up when it has begun, with a `LimitError`, and its instance serves on", "test/node/host/jspi.test.ts: a call that waits for its turn until its timeoutMs is refused", "test/node/host/jspi.test.ts: is given up at its timeoutMs, counted from when it was made", "test/node/worker/with.test.ts: a call that waits for a worker until its timeoutMs is refused", "test/node/host/hand-over.test.ts: a held call"],
      ["`limits.timeoutMs` covers what is waited for", "test/node/host/jspi.test.ts: limits.timeoutMs covers what is waited for"],
      ["the clock of `cpuMs` stands meanwhile", "test/node/host/jspi.test.ts: limits.cpuMs stands while"],
      ["`module.with({ signal })` ends a call that waits", "test/node/host/jspi.test.ts: a signal ends a call that waits"],
      ["a call that computes gives the event loop a turn every so many milliseconds", "test/node/host/jspi.test.ts: the program goes on while a call computes"],
      ["A forced unload unwinds what waits, and the memory goes", "test/memory/jspi.test.ts: which %s the memory goes", "test/browser/memory.test.ts: whose calls wait"],
      ["is refused until the import has returned its promise; one that it makes later waits for itself, which `timeoutMs` ends", "test/node/host/jspi.test.ts: a call that an import makes of its own module is refused", "test/node/host/jspi.test.ts: waits for itself, which timeoutMs ends"],
      ["a promise that comes within a start function or a destructor is a trap that says so", "test/node/host/jspi-between.test.ts: in a start function", "test/node/host/jspi-between.test.ts: in a destructor"],
      ["calls between the components inside a module are suspended as one", "test/node/host/jspi-between.test.ts: calls between the components inside a module are suspended as one", "test/node/host/jspi-between.test.ts: pass values, results, borrows and traps"],
      ["these stay as they are, and its synchronous ones return promises and are suspended like any other", "test/node/host/jspi-async.test.ts: has synchronous functions return promises, suspended for what synchronous imports promise"],
      ["a limit that it passes while it waits ends its instance", "test/node/host/jspi-async.test.ts: limits.timeoutMs covers what a suspended call waits for"],
      ["elsewhere `load` refuses, and says to use `isolation: \"worker\"`", "test/node/host/jspi.test.ts: where the engine has none"],
    ],
    Isolation: [
      ["Every export returns a promise", "test/node/worker/calls.test.ts: every export of a module in a worker returns a promise"],
      ["imports stay in your thread and may return promises", "test/node/worker/imports.test.ts: the guest waits for its promise"],
      ["resources go both ways", "test/node/worker/calls.test.ts: resources of the guest live in the worker", "test/node/worker/imports.test.ts: a guest uses a class of the host"],
      ["the memory is gone when `unload` resolves", "test/node/worker/calls.test.ts: an unload ends the worker", "test/memory/workers.test.ts: killed workers give back"],
      ["is ended without being asked", "test/node/worker/pool.test.ts: a worker that is silent past its limit is ended"],
      ["ends a single call, also where no limit was set", "test/node/worker/with.test.ts: needs no limit of the module", "test/node/worker/with.test.ts: a signal ends a call in a worker"],
      ["Asynchronous calls go on beside each other", "test/node/async/modules.test.ts: calls go on beside each other, and a signal gives one up"],
      ["streams and futures cross either way, of exports and imports", "test/node/worker/streams.test.ts: may be %s", "test/node/worker/streams.test.ts: take and give streams and futures, by a worker that goes on meanwhile"],
      ["chunk by chunk as they are read", "test/node/worker/streams.test.ts: gives no more than is read"],
      ["are cut with their worker", "test/node/worker/streams.test.ts: by a trap rejects what is read with the trap", "test/node/worker/streams.test.ts: by unload is refused while a stream is open"],
      ["`\"worker-sync\"` refuses them", "test/node/worker/streams.test.ts: worker-sync refuses a component that passes streams"],
      ["a call goes to one that is free", "test/node/worker/pool.test.ts: calls go to a worker that is free"],
      ["one that traps is replaced while the others serve", "test/node/worker/pool.test.ts: is replaced while the others serve"],
      ["more calls than `queue` allows are refused", "test/node/worker/pool.test.ts: a call beyond the queue is refused"],
      ["Rollup, Rolldown and esbuild through `tenon/plugin`", "test/node/plugin/worker.test.ts: built starts workers: their script is beside its own"],
      ["is refused where no worker could take it before the import returns, in Node also behind promises", "test/node/worker/imports.test.ts: a call that an import makes of its own module is refused", "test/node/worker/imports.test.ts: after it has waited is refused too", "test/node/worker/imports.test.ts: a circle of calls through two modules"],
      ["a page cannot tell, and there `timeoutMs` ends it and names the import", "test/node/package/package.test.ts: an import that waits for its own module"],
      ["`\"worker-sync\"` leaves calls synchronous", "test/node/worker/imports.test.ts: calls and imports are synchronous"],
      ["it is told so", "test/browser/worker.test.ts: a page that is not isolated is told what to turn on"],
    ],
    "Pages that forbid `eval`": [["Asynchronous components are bound as any other", "test/node/package/package.test.ts: an asynchronous module bound ahead of time runs", "test/node/package/package.test.ts: in Node, an asynchronous module is bound and runs where text may not be evaluated", "test/node/real/bound-async.test.ts: calls between its components, streams and futures are as ever"], ["without `--jspi`", "test/node/real/bound-async.test.ts: is refused with jspi, by bind and by load"], ["one text serves engines that can suspend a guest and", "test/node/real/bound-async.test.ts: has one text for all engines"], ["only with such a module the page loads the host's part for tasks", "test/node/package/package.test.ts: an asynchronous module bound ahead of time runs", "test/node/package/package.test.ts: a module bound ahead of time runs, and loads nothing for tasks"], ["With `--jspi` its calls may wait: it is loaded with `jspi: true`, and only so", "test/node/real/bound-jspi.test.ts: with jspi has calls that wait, and no text is generated", "test/node/real/bound-jspi.test.ts: is refused without it"], ["With `--limits` it can be kept within limits", "test/node/real/bound-limits.test.ts: with limits keeps those it is loaded with"], ["its traps name the author's lines where the component's do", "test/node/real/bound-lines.test.ts: of a debug build is the same bound"], ["load modules bound ahead of time", "test/node/real/bound.test.ts: it runs where evaluation is forbidden", "test/node/cli.test.ts: writes bindings that load without evaluation"]],
    "To know what it may do": [
      ["so its imports are its rights, function by function", "test/node/rights/review.test.ts: tells files by function", "test/fuzz/rights.test.ts: leaves none out"],
      ["which functions of yours it calls", "test/node/rights/review.test.ts: your own interfaces, functions, resources"],
      ["what an update adds", "test/node/rights/review.test.ts: tells what the update adds and drops"],
      ["A component that imports nothing is shown to be pure", "test/node/rights/review.test.ts: of a component without imports shows that it is pure"],
      ["are said to be unknown", "test/node/rights/review.test.ts: an interface of WASI that is not known", "test/node/rights/review.test.ts: a function of a known interface that is not known"],
      ["tells what is `missing` there", "test/node/rights/review.test.ts: tells what is missing"],
      ["`tenon review FILE` says the same in a shell", "test/node/rights/cli.test.ts: tells in sentences"],
    ],
    "To run a program": [
      ["with these arguments and the standard streams of the shell; of the environment it has what `--env` names", "test/node/wasi/run.test.ts: gives it its arguments, the environment that is named"],
      ["of the files those below `--dir HOST::GUEST` (with `:ro` it changes nothing there)", "test/node/wasi/run.test.ts: gives it the directories that are named"],
      ["of the network what `--net HOST:PORT` names", "test/node/wasi/run.test.ts: lets a guest reach the hosts that are named"],
      ["it is denied everything else", "test/node/wasi/command.test.ts: of what it is refused"],
      ["Its exit code is that of the command", "test/node/wasi/run.test.ts: has as status %s"],
      ["an interrupt ends it at once", "test/node/wasi/run.test.ts: an interrupt ends it at once"],
      ["answers requests, by a fresh instance each, and after an interrupt those that are under way are answered before the command ends", "test/node/wasi/run.test.ts: answers requests by a fresh instance each, and an interrupt ends it when those under way are answered"],
      ["a program may listen there itself", "test/node/wasi/run.test.ts: a program may listen there itself"],
      ["calls functions of any component instead", "test/node/run.test.ts: calls a function and prints"],
    ],
    Grants: [
      ["refuses a component that needs more than is granted, with all that it needs, before an import is met or anything runs", "test/node/rights/grants.test.ts: refuses what needs more, with all of it"],
      ["so does every reload of the module, until one brings new `grants`", "test/node/rights/grants.test.ts: refuses an update that needs more", "test/node/rights/grants.test.ts: takes new grants with the update"],
      ["for all versions that semver calls compatible, function by function, or with `true` as a whole", "test/node/rights/review.test.ts: granted %s, tells what is missing"],
    ],
    Signatures: [
      ["takes only what one of these Ed25519 keys has signed, byte for byte", "test/node/rights/sign.test.ts: lets in what the key signed", "test/node/rights/sign.test.ts: is a SignatureError"],
      ["or the file beside the source", "test/node/rights/sign.test.ts: from the file beside the source", "test/node/rights/sign.test.ts: from a server, beside the path of the URL"],
      ["Keys are PEM, JWK or 32 bytes, as openssl and others write them", "test/node/rights/sign.test.ts: the key as %s"],
      ["for every reload too", "test/node/rights/sign.test.ts: holds for every version"],
      ["`tenon keygen`, `tenon sign FILE --key KEY` and `tenon verify FILE --key KEY` do the rest", "test/node/rights/sign.test.ts: a key, a signature, and the check of both"],
      ["`sign`, `verify` and `generateKeyPair` of `tenon/rights` are the same for programs", "test/node/rights/sign.test.ts: make what another implementation takes"],
      ["where a page or runtime has none, the load is refused", "test/node/rights/sign.test.ts: where WebCrypto has no Ed25519"],
    ],
    "To look inside": [["as data and as text, without running anything", "test/node/runtime/inspect.test.ts: from any source, as data and as text"]],
    "To watch it work": [
      ["subscribe to the tracing channels of `diagnostics_channel`", "test/node/host/channels.test.ts: tell of the module from its beginning to its end", "test/node/host/channels.test.ts: tenon:trap and tenon:restart tell", "test/node/host/channels.test.ts: tenon:exit tells", "test/memory/collected.test.ts: says so in an event and by tenon:leak"],
      ["not of what is passed", "test/node/host/channels.test.ts: never of arguments or results"],
      ["a call costs nothing more while nobody has subscribed", "test/node/host/channels.test.ts: nothing stands in front of a function before somebody subscribes"],
      ["for instances made while somebody listens", "test/node/host/channels.test.ts: of instances that are made while somebody listens"],
      ["on a track for each module", "test/node/host/channels.test.ts: profile puts loads, reloads, unloads and calls"],
    ],
    "To try modules by hand": [
      ["serves a page with those of the project", "test/node/dev.test.ts: every module is listed as live", "test/node/package/package.test.ts: tenon dev serves its page"],
      ["or with the folders and `.wasm` files", "test/node/dev-server.test.ts: a component that is ready is told of", "test/node/dev-server.test.ts: a module's folder that goes"],
      ["traps and build errors with their place", "test/node/dev.test.ts: a trap on purpose is told in full", "test/node/dev.test.ts: with a mistake shows it with its place"],
      ["swaps it in the open page, with its state", "test/node/dev.test.ts: swaps the module in the open page, with its state"],
      ["shows them as they come, and goes on through the new version", "test/node/dev.test.ts: a stream runs through a module live, also while the module is swapped", "test/node/dev-flow.test.ts: goes on through the new version where its module is reloaded, and loses nothing"],
    ],
    "The command line": [["each explains itself with `--help`", "test/node/cli.test.ts: how each command is used"]],
  },
  "Untrusted modules": {
    "Bounded in this thread:": [
      ["the time, steps and memory that you limit", "test/node/host/limits.test.ts: by %s", "test/node/host/limits.test.ts: memoryBytes refuses growth"],
      ["always the handles it keeps and what a call hands over", "test/node/runtime/budget.test.ts: 100,000 are allowed", "test/node/runtime/budget.test.ts: lists that share their bytes are counted each time"],
      ["the instance is locked, and `onTrap` says what follows", "test/node/host/limits.test.ts: a module that passed its limit is restarted by policy"],
    ],
    "Bounded in a worker:": [
      ["a guest that waits for a function of yours", "test/node/worker/pool.test.ts: a worker that is silent past its limit is ended"],
      ["A call is ended with its worker, whatever it does", "test/node/worker/with.test.ts: needs no limit of the module", "test/node/worker/pool.test.ts: ends a worker that hangs at once"],
      ["its memory is gone when `unload` resolves", "test/node/worker/calls.test.ts: an unload ends the worker", "test/memory/workers.test.ts: killed workers give back"],
    ],
    "Not bounded:": [
      ["without limits, an endless loop keeps its thread", "test/node/host/limits.test.ts: a module without limits runs the code it came with"],
      ["where a promise of yours never settles, the call of a module in a worker ends, and your function goes on", "test/node/worker/imports.test.ts: a call that is ended in an import leaves the import to its program"],
      ["Without `stackBytes` the stack goes to the engine's own end, which is a trap", "test/node/runtime/stack-end.test.ts: calls at the end of the stack"],
      ["is refused where limits are set", "test/node/host/limits.test.ts: code that cannot be rewritten is refused by name"],
      ["no hash of it is checked", "test/node/real/bound.test.ts: it is its own word"],
    ],
  },
  Trust: {
    Bytes: [
      ["asks for more work than its size justifies, ends in a typed error", "test/fuzz/shapes.test.ts: is bounded by its bytes", "test/fuzz/binary.test.ts: are refused with a typed error, or compile", "test/fuzz/patterns.test.ts: in linear time"],
      ["at most 512 MiB (`maxSourceBytes`)", "test/node/host/sources.test.ts: maxSourceBytes bounds files"],
      ["one that never comes holds up nothing", "test/node/host/sources.test.ts: never comes holds up neither unload nor a later reload"],
      ["`signal` gives up on it", "test/node/host/sources.test.ts: a signal ends load"],
    ],
    Files: [
      ["is told of what is in the file systems given to it, and nothing else", "test/node/wasi/files/escapes.test.ts: no path leads out", "test/node/wasi/files/escapes.test.ts: are not read, and not told of", "test/node/wasi/files/escapes.test.ts: does not tell whether something is there"],
      ["another program that swaps a directory for a link", "test/node/wasi/files/race.test.ts: a guest gets nowhere while its directory is swapped"],
    ],
    Rights: [
      ["never by what every object inherits", "test/node/runtime/imports.test.ts: is not met by what every object inherits", "test/node/host/trust.test.ts: is not met by a prototype of the user's either"],
    ],
    Network: [
      ["however they are spelled", "test/node/wasi/net/corpus.test.ts: however it is spelled"],
      ["whichever name leads to them", "test/node/wasi/net/pinned.test.ts: a name that leads to a private address is refused"],
      ["what was checked is what is connected to", "test/node/wasi/net/pinned.test.ts: nobody asks the resolver again"],
      ["with a `fetch` of your own", "test/node/wasi/net/http.test.ts: the option fetch makes the requests"],
    ],
    Faults: [
      ["Whatever a guest, an import or a clean-up throws", "test/node/runtime/thrown.test.ts: ends as one TrapError", "test/node/host/endings.test.ts: close unloads every module"],
      ["wherever the stack ends, is one failed call", "test/node/runtime/stack-end.test.ts: calls at the end of the stack"],
      ["the other modules serve on", "test/node/host/link.test.ts: each is locked by itself"],
    ],
    Values: [
      ["is checked as the canonical ABI says", "test/fuzz/hostile.test.ts: the host traps exactly where the reference does", "test/fuzz/handles.test.ts: the handle tables behave as the reference's"],
      ["a value that changes while it is read is refused and locks nothing", "test/node/runtime/lying.test.ts: refused or taken for what it is, and the instance lives"],
    ],
    "Time and memory": [
      ["they count their steps and ask before they grow", "test/node/host/limits.test.ts: by %s", "test/fuzz/metering.test.ts: changes nothing that a program computes", "test/node/host/limits.test.ts: memoryBytes refuses growth"],
      ["the same on every engine", "test/fuzz/metering.test.ts: counts the same whatever is given out at once", "test/node/host/limits.test.ts: fuel is the same for every call"],
      ["is the time of a call with all it waits for, `cpuMs` the guest's own", "test/node/host/limits.test.ts: timeoutMs covers imports, cpuMs does not"],
      ["a handler that catches everything, it ends as a `LimitError`", "test/node/host/limits.test.ts: end a guest whose own handler catches everything", "test/node/host/limits.test.ts: end realloc, post-return and a destructor", "test/node/host/limits.test.ts: end a start function"],
      ["A deadline covers the modules that are called", "test/node/host/limits.test.ts: a caller's deadline covers the modules it calls"],
      ["Without limits nothing is rewritten", "test/node/host/limits.test.ts: a module without limits runs the code it came with"],
    ],
    Amounts: [
      ["128 MiB in one call", "test/node/runtime/budget.test.ts: lists that share their bytes are counted each time"],
      ["keep 100,000 handles", "test/node/runtime/budget.test.ts: 100,000 are allowed"],
      ["passing one is a `LimitError`", "test/node/runtime/budget.test.ts: one more is a LimitError"],
    ],
    Neighbours: [
      ["`provides` lists what a module lends", "test/node/host/trust.test.ts: says what a module lends to others"],
      ["names the one that an import is met by", "test/node/host/trust.test.ts: link by name holds against every other offer"],
    ],
  },
}; // prettier-ignore

const root = resolve(import.meta.dirname, "..", "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The paragraphs and bullets of a section that begin with bold words, by those words, each as one line. */
function boldParagraphs(section: string, text: string): ReadonlyMap<string, string> {
  const [, body] = text.split(`\n## ${section}\n`);
  const paragraphs = (body ?? "").split(/^## /m)[0]!.split(/\n\n|\n(?=- )/);
  return new Map(
    paragraphs.flatMap((paragraph): [string, string][] => {
      const line = paragraph.replaceAll(/\s+/g, " ").trim();
      const [, words] = /^(?:- )?\*\*(.+?)\.?\*\*/.exec(line) ?? [];
      return words === undefined ? [] : [[words, line]];
    }),
  );
}

/** What is wrong with the claims about a section; nothing when all hold. */
function faults(section: string, entries: Readonly<Record<string, readonly Claim[]>>, text: string): string[] {
  const paragraphs = boldParagraphs(section, text);
  const found = [...paragraphs.keys()]
    .filter((words) => (entries[words]?.length ?? 0) === 0)
    .map((words) => `"${words}" says something that no test is named for`);
  for (const [words, list] of Object.entries(entries)) {
    const paragraph = paragraphs.get(words);
    if (paragraph === undefined) found.push(`"${words}" is not in the README`);
    for (const [sentence, ...shownBy] of list) {
      if (paragraph?.includes(sentence) === false) found.push(`"${words}" does not say: ${sentence}`);
      for (const place of shownBy) {
        const [file, name] = place.split(": ", 2) as [string, string];
        const path = join(root, file);
        if (!existsSync(path)) found.push(`${file} is gone, which showed: ${sentence}`);
        else if (!readFileSync(path, "utf8").includes(name)) found.push(`${file} has no test "${name}" any more`);
      }
    }
  }
  return found;
}

describe("every promise of the README has tests by name:", () => {
  test.each(Object.entries(claims))("%s", (section, entries) => {
    expect(faults(section, entries, readme)).toEqual([]);
  });

  test("a bold paragraph without an entry, a sentence that is not there, a test that is gone are faults", () => {
    const text =
      "\n## Trust\n\nIntro.\n\n- **Bytes.** They are\n  read.\n- **More.** Yes.\n\n**Also** this.\n\n## Next\n\n**No** more.\n";
    expect([...boldParagraphs("Trust", text).keys()]).toEqual(["Bytes", "More", "Also"]);
    const entries: Readonly<Record<string, readonly Claim[]>> = {
      Bytes: [
        ["They are read", "test/node/readme-claims.test.ts: every promise"],
        ["They are not", "test/node/gone.test.ts: x"],
      ],
      Also: [["this", "test/seed.ts: no such test"]],
      Less: [],
    };
    expect(faults("Trust", entries, text)).toEqual([
      `"More" says something that no test is named for`,
      `"Bytes" does not say: They are not`,
      "test/node/gone.test.ts is gone, which showed: They are not",
      `test/seed.ts has no test "no such test" any more`,
      `"Less" is not in the README`,
    ]);
  });
});
