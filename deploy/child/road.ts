import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export type Road = { readonly parentUrl: string; readonly through: { readonly host: string; readonly port: number } }

/**
 * Makes the parent's URL lead to it from a guest whose network holds one address only: `through`, behind which the host
 * has put the parent's gateway and nothing else. The machine's init gave the URL's host to this machine.
 *
 * It begins at the parent's address alone: listening everywhere, it would take who knocks at this machine's own door to the parent.
 *
 * Bytes are carried as they are: TLS is between the child and its parent, and what stands between them sees none of it.
 */
export async function openRoad({ parentUrl, through }: Road, signal: AbortSignal): Promise<void> {
  const { hostname, port } = new URL(parentUrl)
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const onward = connect({ ...through, allowHalfOpen: true })
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      from.setNoDelay(true)
      from.on('error', () => to.destroy())
      from.pipe(to)
    }
    closeTogether(socket, onward)
  })
  server.listen({ host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) })
  await once(server, 'listening')
  signal.addEventListener('abort', () => server.close(), { once: true })
}

function closeTogether(a: Socket, b: Socket): void {
  a.on('close', () => b.destroySoon())
  b.on('close', () => a.destroySoon())
}
