import { formatAddCheckpoint, parseSignatureLines, type Party } from '@powernode/tlog'
import type { Answer, Carrier } from './deliver.ts'

/** Sends a body to a URL; only what this needs of `fetch`. */
export type Post = (url: string, body: string, signal: AbortSignal) => Promise<{ status: number; body: string }>

const TIMEOUT_MS = 10_000
const LONGEST_ANSWER = 65_536

/** A witness that a policy file names with its URL (C2SP tlog-witness, as a client). */
export function httpCarrier({ verifier }: Party, url: string, post: Post = postWithin): Carrier {
  return {
    witnessName: () => Promise.resolve(verifier.name),
    async carry({ note: checkpoint, oldSize, proof }, signal): Promise<Answer> {
      const body = formatAddCheckpoint({ oldSize, proof, checkpoint })
      const answer = await post(`${url.replace(/\/$/, '')}/add-checkpoint`, body, signal)
      if (answer.status === 200)
        return { kind: 'cosigned', lines: parseSignatureLines(answer.body).map(({ line }) => line), verifier }
      if (answer.status === 409 && SIZE.test(answer.body)) return { kind: 'conflict', lastSeen: Number(answer.body) }
      throw new Error(`the witness ${verifier.name} answered ${answer.status}`)
    },
  }
}

/** As tlog-witness writes it: decimal, then a line feed. */
const SIZE = /^(0|[1-9]\d{0,15})\n$/

/** What a witness says beyond what signatures take is not read; one that dawdles is left. */
async function postWithin(url: string, body: string, signal: AbortSignal): Promise<{ status: number; body: string }> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  const answer = await fetch(url, { method: 'POST', body, signal: within, redirect: 'error' })
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > LONGEST_ANSWER) throw new Error('the witness answered with more than signatures')
  }
  return { status: answer.status, body: text }
}
