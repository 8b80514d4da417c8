import { timestampOf } from './cosignature.ts'
import { fromBase64, malformed, NoteFlaw, toBase64 } from './note-flaw.ts'
import { isKeyName, type Signer, type Verifier } from './vkey.ts'

/** A line under a note: who signed, and what. */
export type NoteSignature = {
  readonly name: string
  readonly keyId: Buffer
  /** What stands after the key id. */
  readonly blob: Buffer
  /** The line as it was written, without its end. */
  readonly line: string
}

export type Note = {
  /** Ends with a newline. */
  readonly body: string
  readonly signatures: readonly NoteSignature[]
}

export type Verified = {
  readonly verifier: Verifier
  readonly line: string
  /** Cosignatures only: when the witness saw the checkpoint. */
  readonly atMs?: number
}

/** C2SP signed-note wants at least 16 to be accepted. Each known one costs a verification, so there is an end to it. */
const MOST_SIGNATURES = 100

/** A note with the signature lines of these signers. */
export function signNote(body: string, signers: readonly Signer[]): string {
  const note = `${body}\n${signers.map((signer) => `${signatureLine(body, signer)}\n`).join('')}`
  parseNote(note) // what nobody could read must not be signed
  return note
}

/** `— <name> <base64 of key id and signature>`, without the line's end. */
export const signatureLine = (body: string, { name, keyId, sign }: Signer): string =>
  `— ${name} ${toBase64(Buffer.concat([keyId, sign(body)]))}`

/** The same note with more lines under it; those it has already are not repeated. */
export function addSignatures(note: string, lines: readonly string[]): string {
  const { body, signatures } = parseNote(note)
  const all = new Set([...signatures.map(({ line }) => line), ...lines])
  const grown = `${body}\n${Array.from(all, (line) => `${line}\n`).join('')}`
  if (parseNote(grown).body !== body) throw malformed('a signature line may not contain a blank line')
  return grown
}

/** The lines of an answer that is nothing but signatures, as a witness gives it (tlog-witness). */
export function parseSignatureLines(text: string): NoteSignature[] {
  if (!text.endsWith('\n')) throw malformed('the last signature line does not end')
  return text.slice(0, -1).split('\n').map(parseLine)
}

/** Takes a note apart at its last blank line, and believes nothing of it: see `openNote`. */
export function parseNote(text: string): Note {
  if (!text.isWellFormed() || CONTROL.test(text)) throw malformed('a note is UTF-8 without control characters')
  const split = text.lastIndexOf('\n\n')
  if (split < 0) throw malformed('a note has a blank line before its signatures')
  const body = text.slice(0, split + 1)
  const signatures = parseSignatureLines(text.slice(split + 2))
  if (signatures.length > MOST_SIGNATURES) throw malformed(`a note has at most ${MOST_SIGNATURES} signatures`)
  return { body, signatures }
}

/** The text of a note, and who of those we know has signed it: at least one. Unknown keys are passed over (signed-note). */
export function openNote(
  text: string,
  verifiers: readonly Verifier[],
): { readonly body: string; readonly verified: readonly Verified[] } {
  const { body, signatures } = parseNote(text)
  const distinct = new Map(signatures.map((signature) => [signature.line, signature])) // a line said often is verified once
  const verified = [...distinct.values()].flatMap((signature) => {
    const verifier = verifiers.find(({ name, keyId }) => name === signature.name && keyId.equals(signature.keyId))
    return verifier ? [verifyLine(body, verifier, signature)] : []
  })
  if (verified.length === 0) throw new NoteFlaw('unsigned', 'no key that is known here has signed the note')
  return { body, verified }
}

/** Every signature of a known key MUST hold: one that fails says that somebody tampered with the note. */
function verifyLine(body: string, verifier: Verifier, { blob, line }: NoteSignature): Verified {
  if (!verifier.verify(body, blob)) throw new NoteFlaw('forged', `the signature of ${verifier.name} does not verify`)
  const seconds = verifier.type === 'cosignature/v1' ? timestampOf(blob) : undefined
  return seconds === undefined ? { verifier, line } : { verifier, line, atMs: seconds * 1_000 }
}

function parseLine(line: string): NoteSignature {
  const [dash, name = '', encoded = '', ...more] = line.split(' ')
  if (dash !== '—' || !isKeyName(name) || more.length > 0) throw malformed('a signature line is: — <name> <base64>')
  const bytes = fromBase64(encoded, 'a signature')
  if (bytes.length < 5) throw malformed('a signature has a key id of four bytes and more')
  return { name, keyId: bytes.subarray(0, 4), blob: bytes.subarray(4), line }
}

// eslint-disable-next-line no-control-regex -- just those are refused
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/
