import { once } from 'node:events'
import { Worker, parentPort, workerData } from 'node:worker_threads'

/** A server in a thread of its own, so that it and the one who asks do not share an event loop. */
export async function startThread(file: string, data: object): Promise<{ port: number; stop: () => Promise<void> }> {
  const worker = new Worker(new URL(file, import.meta.url), { workerData: data })
  const [port] = (await once(worker, 'message')) as [number] // the first thing a thread says
  return {
    port,
    async stop() {
      const ended = once(worker, 'exit')
      worker.postMessage('stop')
      await ended
    },
  }
}

/** Inside such a thread: what it was given, and how it says its port and waits for its end. */
export function inThread<T>(): { data: T; ready: (port: number) => void; stopped: Promise<unknown> } {
  const port = parentPort
  if (!port) throw new Error('this file is started as a thread')
  return { data: workerData as T, ready: (number) => port.postMessage(number), stopped: once(port, 'message') }
}
