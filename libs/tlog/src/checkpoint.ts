import { HASH_BYTES } from './merkle.ts'
import { fromBase64, fromDecimal, malformed, toBase64 } from './note-flaw.ts'
import { isKeyName } from './vkey.ts'

/** The head of a log: what a checkpoint's text says (C2SP tlog-checkpoint). */
export type Head = {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

export type Checkpoint = Head & {
  /** Lines after the first three. We write none. */
  readonly extension: readonly string[]
}

export function formatCheckpoint({ origin, size, root }: Head): string {
  const body = `${origin}\n${size}\n${toBase64(root)}\n`
  parseCheckpoint(body) // what nobody could read must not be signed
  return body
}

/** Reads the text of an opened note. One head has one spelling: no leading zero, no second base64, no odd origin. */
export function parseCheckpoint(body: string): Checkpoint {
  if (!body.endsWith('\n')) throw malformed('the last line of the checkpoint does not end')
  const [origin = '', size = '', root = '', ...extension] = body.slice(0, -1).split('\n')
  if (!isKeyName(origin)) throw malformed('the origin of a checkpoint has neither spaces nor a plus nor control characters') // prettier-ignore
  if (extension.includes('')) throw malformed('a line of the checkpoint is empty')
  const hash = fromBase64(root, 'the root of the checkpoint')
  if (hash.length !== HASH_BYTES) throw malformed(`the root of a checkpoint has ${HASH_BYTES} bytes`)
  return { origin, size: fromDecimal(size, 'the size of the checkpoint'), root: hash, extension }
}
