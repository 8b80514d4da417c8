import { once } from 'node:events'
import { Worker, isMainThread, parentPort } from 'node:worker_threads'

/** A server in a thread of its own, so that it and the one who asks do not share an event loop. */
export async function startThread(file: string, data: object): Promise<{ port: number; stop: () => Promise<void> }> {
  const worker = new Worker(new URL(file, import.meta.url), { workerData: data, stdin: true })
  const [port] = (await once(worker, 'message')) as [number] // the first thing a thread says
  return {
    port,
    async stop() {
      const ended = once(worker, 'exit')
      worker.stdin?.end() // the end of its input is what it waits for
      await ended
    },
  }
}

/** Inside such a thread: says which port it listens on, and resolves when it is to end. */
export async function serveUntilStopped(port: number): Promise<void> {
  if (isMainThread || !parentPort) throw new Error('this file is started as a thread')
  const ended = once(process.stdin.resume(), 'end')
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  parentPort.postMessage(port)
  await ended
}
