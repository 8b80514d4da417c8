import type { IncomingMessage } from 'node:http'

/** A body that was larger than allowed, and was not read to its end. */
export type Unread = { readonly tooLarge: true }

/** Reads a body, up to a number of bytes and not beyond. */
export async function readBody(req: IncomingMessage, mostBytes: number): Promise<Buffer | Unread> {
  if (Number(req.headers['content-length'] ?? 0) > mostBytes) return { tooLarge: true }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) return { tooLarge: true }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
