import type pg from 'pg'

type Row = readonly (string | null)[]
type Wire = {
  query(text: string): void
  sync(): void
  readonly stream: { pause(): void; resume(): void }
}

/** Where the parts of a backup go, as they come. */
export type BackupSink = {
  /** The tar archive of the data directory. */
  readonly archive: { write(data: Buffer): boolean; once(event: 'drain', listener: () => void): unknown }
  /** Everything of the archive has been written. */
  archiveEnds(): void
  progress(bytes: number): void
}

/** What stands around the data: where the backup begins and ends. Positions as LSN. */
export type BackupFrame = {
  readonly startLsn: string
  readonly endLsn: string
  readonly timeline: number
  readonly manifest: Buffer
}

/** The bytes that begin each CopyData of a base backup ("BASE_BACKUP", PostgreSQL 18 manual, 54.4). */
const NEW_ARCHIVE = 0x6e // n: name and path, each ended by a zero
const MANIFEST = 0x6d // m
const DATA = 0x64 // d
const PROGRESS = 0x70 // p: Int64

/**
 * One BASE_BACKUP on a connection in replication mode.
 *
 * The server answers with two result sets (start; tablespaces), one COPY of everything, and a third result set (end). Data is
 * handed on as it comes; while it cannot be taken, the connection is not read.
 */
export class BackupQuery {
  readonly #text: string
  readonly #sink: BackupSink
  readonly #sets: Row[][] = []
  readonly #manifest: Buffer[] = []
  readonly #done = Promise.withResolvers<BackupFrame>()
  #part: 'archive' | 'manifest' | undefined
  #wire: Wire | undefined
  #failed = false

  constructor(text: string, sink: BackupSink) {
    this.#text = text
    this.#sink = sink
    this.#done.promise.catch(() => undefined) // whoever asked hears of it through `take`
  }

  /** What pg calls a Submittable: its client hands every message of the answer to the methods below. */
  take(client: pg.Client): Promise<BackupFrame> {
    client.query(this as unknown as pg.Submittable) // the methods pg calls are those below
    return this.#done.promise
  }

  submit(wire: Wire): void {
    this.#wire = wire
    wire.query(this.#text)
  }

  handleRowDescription(): void {
    this.#sets.push([])
    // The second set lists the tablespaces; ours are all in the data directory.
  }

  handleDataRow({ fields }: { readonly fields: Row }): void {
    this.#sets.at(-1)?.push(fields)
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (this.#failed) return
    const kind = chunk[0]
    // pg reuses its buffer for what comes next, so what is kept or handed on is a copy.
    const rest = () => Buffer.from(chunk.subarray(1))
    if (kind === NEW_ARCHIVE) return this.#begin(chunk.subarray(1).toString().split('\0'))
    if (kind === MANIFEST) return this.#enterManifest()
    if (kind === PROGRESS) return this.#sink.progress(Number(chunk.readBigInt64BE(1)))
    if (kind !== DATA) return this.#fail(new Error(`a base backup holds a message of kind ${kind}, which nobody knows`))
    if (this.#part === 'manifest') this.#manifest.push(rest())
    else if (this.#part === 'archive') this.#pass(rest())
    else this.#fail(new Error('a base backup sends data before it says of what'))
  }

  handleCommandComplete(): void {
    // One for each result set; the last thing of all is ReadyForQuery.
  }

  handleEmptyQuery(): void {}

  handleError(error: Error): void {
    this.#fail(error)
  }

  handleReadyForQuery(): void {
    const [start, , end] = this.#sets
    const [startLsn, timeline] = start?.[0] ?? []
    const [endLsn] = end?.[0] ?? []
    if (!startLsn || !timeline || !endLsn) return this.#fail(new Error('the base backup ended before it was whole'))
    this.#done.resolve({ startLsn, endLsn, timeline: Number(timeline), manifest: Buffer.concat(this.#manifest) })
  }

  #begin([name = '', path = '']: readonly string[]): void {
    if (path !== '') return this.#fail(new Error(`a tablespace outside the data directory (${path}) is not copied`))
    if (this.#part !== undefined) return this.#fail(new Error(`a second archive, ${name}, in a base backup`))
    this.#part = 'archive'
  }

  #enterManifest(): void {
    if (this.#part === 'archive') this.#sink.archiveEnds()
    this.#part = 'manifest'
  }

  #pass(data: Buffer): void {
    if (this.#sink.archive.write(data)) return
    this.#wire?.stream.pause()
    this.#sink.archive.once('drain', () => this.#wire?.stream.resume())
  }

  #fail(error: Error): void {
    this.#failed = true
    this.#done.reject(error)
  }
}
