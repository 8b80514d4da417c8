import { once } from 'node:events'
import { parentPort, Worker } from 'node:worker_threads'

/** A server in a thread of its own, that says how much of a processor it has used. */
export type MeasuredThread<Said> = {
  readonly said: Said
  readonly cpuMicros: () => Promise<number>
  readonly stop: () => Promise<void>
}

/** Room for new objects as services are started with (deploy/dev/src/start-service.ts): three semi-spaces of 32 MiB. For the rival too. */
const AS_STARTED = { maxYoungGenerationSizeMb: 96 }

export async function startMeasured<Said>(file: string, data: object): Promise<MeasuredThread<Said>> {
  const worker = new Worker(new URL(file, import.meta.url), { workerData: data, resourceLimits: AS_STARTED })
  const next = async (): Promise<unknown> => {
    const [said] = (await once(worker, 'message')) as [unknown] // rejects when the thread fails
    return said
  }
  const said = (await next()) as Said // what the thread says first, by its own file
  return {
    said,
    async cpuMicros() {
      const answer = next()
      worker.postMessage('cpu')
      return Number(await answer)
    },
    async stop() {
      const ended = once(worker, 'exit')
      worker.postMessage('stop')
      await ended
    },
  }
}

/** Inside such a thread: says what its starter waits for, answers for its use of the processor, and resolves to end. */
export async function answerUntilStopped(said: unknown): Promise<void> {
  const port = parentPort
  if (!port) throw new Error('this file is started as a thread')
  const ended = Promise.withResolvers<void>()
  port.on('message', (asked: unknown) => {
    if (asked === 'stop') return ended.resolve()
    const { user, system } = process.threadCpuUsage()
    port.postMessage(user + system)
  })
  port.postMessage(said)
  await ended.promise
}
