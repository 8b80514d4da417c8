import {
  DiscardPolicy,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamInfo,
} from 'nats'
import type { Bus } from './bus.ts'

const DAY_MS = 86_400_000

/** How long JetStream keeps an event for a consumer that is away. Receipts MUST be kept longer (see `sweepReceipts`). */
export const STREAM_MAX_AGE_MS = 30 * DAY_MS

const DUPLICATE_WINDOW_MS = 2 * 60_000
const STREAM_NOT_FOUND = 10059

export type StreamWanted = { readonly name: string; readonly subjects: readonly string[]; readonly replicas?: number }

/** Makes the stream if it is not there. Its messages can be neither deleted nor purged, by anybody. */
export async function ensureStream(
  bus: Bus,
  wanted: StreamWanted,
  signal: AbortSignal,
): Promise<StreamInfo | undefined> {
  const connection = await bus.connection(signal)
  return connection && ensureStreamWith(await connection.jetstreamManager({ checkAPI: false }), wanted)
}

export async function ensureStreamWith(jsm: JetStreamManager, wanted: StreamWanted): Promise<StreamInfo> {
  const found = await streamInfo(jsm, wanted.name)
  if (!found) {
    return jsm.streams.add({
      name: wanted.name,
      subjects: [...wanted.subjects],
      num_replicas: wanted.replicas ?? 1,
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_age: nanos(STREAM_MAX_AGE_MS),
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      deny_delete: true,
      deny_purge: true,
    })
  }
  const missing = wanted.subjects.filter((subject) => !found.config.subjects.includes(subject))
  if (missing.length > 0)
    throw new Error(
      `stream ${wanted.name} does not take ${missing.join(', ')}: update it as its owner, then start again`,
    )
  return found
}

/** What JetStream knows of a stream; undefined when there is none. */
export async function streamInfo(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name)
  } catch (error) {
    if (isMissingStream(error)) return undefined
    throw error
  }
}

/** No fault where services of a platform start in whatever order: its own one makes it. */
export const isMissingStream = (error: unknown): boolean =>
  error instanceof NatsError && error.api_error?.err_code === STREAM_NOT_FOUND
