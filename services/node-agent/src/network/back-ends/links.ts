import { z } from 'zod'
import { INTERFACE } from '../checked/patterns.ts'
import { ToolAbsent, type Tools } from '../tools.ts'

/** Stands at every interface that we made (`ip link … alias`): no other is changed or removed, whatever its name. */
export const ALIAS = 'powernode'

const LINKS = z.array(
  z.object({
    ifname: z.string(),
    ifalias: z.string().optional(),
    mtu: z.number(),
    flags: z.array(z.string()),
    master: z.string().optional(),
  }),
)

export type Link = z.infer<typeof LINKS>[number]

export async function linksOf(tools: Tools): Promise<readonly Link[]> {
  return LINKS.parse(JSON.parse((await tools.must('ip', ['-j', 'link', 'show'])) || '[]'))
}

/** Ours are those that bear our mark, and the one that was being made when we were interrupted. */
export const isOurs = ({ ifname, ifalias }: Link, making: ReadonlySet<string>): boolean =>
  INTERFACE.test(ifname) && (ifalias === ALIAS || making.has(ifname))

/**
 * Makes an interface of WireGuard: the kernel's own, or one of wireguard-go where the kernel has none. wireguard-go runs on
 * by itself: the network outlives its agent. Its socket is created before it returns.
 */
export async function makeLink(tools: Tools, name: string): Promise<void> {
  const { code, err } = await tools.run('ip', ['link', 'add', 'dev', name, 'type', 'wireguard'])
  if (code !== 0) {
    if (!/Unknown device type|not supported/i.test(err)) throw new Error(`ip link add ${name}: ${err.trim()}`)
    try {
      await tools.must('wireguard-go', [name])
    } catch (error) {
      if (!(error instanceof ToolAbsent)) throw error
      throw new Error('the kernel has no WireGuard, and wireguard-go is not installed', { cause: error })
    }
  }
  // As the kernel's own has it: no address but those that it is given.
  await tools.must('ip', ['link', 'set', 'dev', name, 'addrgenmode', 'none', 'alias', ALIAS])
}

export async function removeLink(tools: Tools, name: string): Promise<void> {
  await tools.must('ip', ['link', 'del', 'dev', name])
}
