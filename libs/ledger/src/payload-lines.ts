import { numberPath } from '@powernode/tlog'
import { commitPayload, EntryFlaw, SALT_BYTES } from './entry.ts'

/** What stands beside an entry until it is erased. */
export type PayloadLine = {
  readonly sequence: number
  readonly salt: Uint8Array
  /** As hashed: canonical JSON in UTF-8. */
  readonly payload: Uint8Array
}

/** The payloads of one bundle of entries: `payloads/000.jsonl` for 0 to 255, and so on as tiles are numbered. */
export const payloadsPath = (position: number): string => `payloads/${numberPath(position)}.jsonl`

/** One line, with its end. The payload is a string within it, so that it comes out to the byte as it was hashed. */
export const encodePayloadLine = ({ sequence, salt, payload }: PayloadLine): string =>
  `{"payload":${JSON.stringify(Buffer.from(payload).toString())},"salt":"${Buffer.from(salt).toString('base64')}","sequence":${sequence}}\n`

/** The lines of a file, by sequence in ascending order. Throws on anything else. */
export function parsePayloadLines(text: string): PayloadLine[] {
  if (text !== '' && !text.endsWith('\n')) throw new EntryFlaw('the last line of the payloads does not end')
  const lines = text.split('\n').slice(0, -1).map(parseLine)
  if (lines.some(({ sequence }, i) => i > 0 && sequence <= (lines[i - 1]?.sequence ?? 0)))
    throw new EntryFlaw('the payloads are not in order')
  return lines
}

/** Whether the payload is the one that the entry spoke of. */
export const holdsPayload = (payloadSha256: Uint8Array | undefined, { salt, payload }: PayloadLine): boolean =>
  payloadSha256 !== undefined &&
  salt.length === SALT_BYTES &&
  Buffer.compare(commitPayload(salt, payload), payloadSha256) === 0

function parseLine(text: string): PayloadLine {
  const { payload, salt, sequence } = fieldsOf(text)
  if (typeof payload !== 'string' || typeof salt !== 'string' || typeof sequence !== 'number')
    throw new EntryFlaw('a line of payloads has payload, salt and sequence')
  const line = { sequence, salt: Buffer.from(salt, 'base64'), payload: Buffer.from(payload) }
  if (encodePayloadLine(line) !== `${text}\n`) throw new EntryFlaw('a line of payloads is not canonical')
  return line
}

function fieldsOf(text: string): { readonly payload?: unknown; readonly salt?: unknown; readonly sequence?: unknown } {
  try {
    return Object(JSON.parse(text)) as object // read member by member above
  } catch (cause) {
    throw new EntryFlaw('a line of payloads is not JSON', { cause })
  }
}
