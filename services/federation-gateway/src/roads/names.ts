import type { Resolve } from '../egress/peer-client.ts'

/**
 * So many names of one peer at once. A look-up that its name server leaves without an answer holds one of the process's few
 * threads until the system gives up, however soon we have: a peer with ten such names would leave none for anybody else's.
 */
const AT_ONCE = 2

/** Resolves the names of one peer in turn; whoever does not wait for one any more keeps its place until it is really done. */
export function inTurn(resolve: Resolve): (peerId: string) => Resolve {
  const lines = new Map<string, Line>()
  return (peerId) => async (url) => {
    const line = lines.get(peerId) ?? newLine()
    lines.set(peerId, line)
    if (line.open < AT_ONCE) line.open += 1
    else await new Promise<void>((next) => line.waiting.push(next)) // it is handed the place of who is done
    try {
      return await resolve(url)
    } finally {
      const next = line.waiting.shift()
      if (next) next()
      else line.open -= 1
      if (line.open === 0) lines.delete(peerId)
    }
  }
}

type Line = { open: number; readonly waiting: (() => void)[] }
const newLine = (): Line => ({ open: 0, waiting: [] })
