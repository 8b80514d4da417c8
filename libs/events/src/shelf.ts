import { patient } from '@powernode/clock'
import {
  DiscardPolicy,
  headers as newHeaders,
  nanos,
  NatsError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StoredMsg,
  type StreamConfig,
} from 'nats'
import type { Bus } from './bus.ts'
import { streamInfo } from './ensure-stream.ts'
import { WORM } from './streams.ts'

/** A message that was put on the shelf. */
export type Kept = {
  /** Its place in the whole stream. */
  readonly seq: number
  readonly data: Uint8Array
  readonly header: (name: string) => string
}

type Put = {
  /** The place of the message before it under this subject; 0: it is the first. */
  readonly after: number
  readonly id: string
  readonly headers: Readonly<Record<string, string>>
  readonly data: Uint8Array
}

/** A stream to which messages are added, each once and in order under its subject, and from which nothing goes. */
export type Shelf = {
  /** When the stream was made: another moment is another stream. */
  readonly created: string
  readonly last: (subject: string) => Promise<Kept | undefined>
  /** The first under `subject` at place `from` or behind it. */
  readonly next: (subject: string, from: number) => Promise<Kept | undefined>
  /**
   * Adds a message behind the one at `after`, and returns its place. Undefined: it is not known to have been stored, because
   * another stands there, or the server takes it for a repeat. Then `last` MUST be asked: an answer of "duplicate" is no
   * proof that anything is there (nats-server #6415).
   */
  readonly put: (subject: string, message: Put) => Promise<number | undefined>
}

const TIMEOUT_MS = 5_000
const NO_MESSAGE = 10037
const WRONG_LAST_SEQUENCE = 10071
const DUPLICATE_WINDOW_MS = 2 * 60_000

/** Opens the shelf of the ledger, and makes it if it is not there. Undefined: the bus was closed, or `signal` aborted. */
export async function openShelf(
  bus: Bus,
  { replicas = 1 }: { readonly replicas?: number },
  signal: AbortSignal,
): Promise<Shelf | undefined> {
  const connection = await bus.connection(signal)
  if (!connection) return undefined
  const jsm = await connection.jetstreamManager({ checkAPI: false, timeout: patient(TIMEOUT_MS) })
  const js = connection.jetstream({ timeout: patient(TIMEOUT_MS) })
  const { created } = await shelf(jsm, replicas)
  return {
    created,
    last: (subject) => keptBy(jsm, { last_by_subj: subject }),
    next: (subject, seq) => keptBy(jsm, { seq, next_by_subj: subject }),
    async put(subject, { after, id, headers, data }) {
      const head = newHeaders()
      for (const [name, value] of Object.entries(headers)) head.set(name, value)
      const expect = { streamName: WORM.stream, lastSubjectSequence: after }
      try {
        const { seq, duplicate } = await js.publish(subject, data, { msgID: id, headers: head, expect })
        return duplicate ? undefined : seq
      } catch (error) {
        if (codeOf(error) === WRONG_LAST_SEQUENCE) return undefined
        throw error
      }
    },
  }
}

/** Nothing on it is deleted, purged, pushed out or grows old. When its disk is full it takes nothing more. */
async function shelf(jsm: JetStreamManager, replicas: number): Promise<{ readonly created: string }> {
  const found = await streamInfo(jsm, WORM.stream)
  if (found) {
    const flaw = weaknessOf(found.config)
    if (flaw !== undefined) throw new Error(`stream ${WORM.stream} ${flaw}: somebody has made it otherwise than we do`)
    return found
  }
  return jsm.streams.add({
    name: WORM.stream,
    subjects: [...WORM.subjects],
    num_replicas: replicas,
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    deny_delete: true,
    deny_purge: true,
  })
}

function weaknessOf(config: StreamConfig): string | undefined {
  if (!config.deny_delete || !config.deny_purge) return 'lets messages be deleted'
  if (config.storage !== StorageType.File) return 'is kept in memory'
  if (config.retention !== RetentionPolicy.Limits) return 'forgets what was heard'
  const limits = [config.max_age, config.max_msgs, config.max_bytes, config.max_msgs_per_subject]
  return limits.some((limit) => limit > 0) ? 'has a limit' : undefined
}

type Query = { readonly last_by_subj: string } | { readonly seq: number; readonly next_by_subj: string }

async function keptBy(jsm: JetStreamManager, query: Query): Promise<Kept | undefined> {
  try {
    const { seq, data, header }: StoredMsg = await jsm.streams.getMessage(WORM.stream, query)
    return { seq, data, header: (name) => header.get(name) }
  } catch (error) {
    if (codeOf(error) === NO_MESSAGE) return undefined
    throw error
  }
}

const codeOf = (error: unknown): number | undefined =>
  error instanceof NatsError ? error.api_error?.err_code : undefined
