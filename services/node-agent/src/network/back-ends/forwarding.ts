import type { Tools } from '../tools.ts'

/**
 * Lets packets that come out of an interface of ours go on to another. The kernel's switch for one interface is used where it
 * has one (Linux 6.17 and later); before, IPv6 knows only one for the whole machine, which is its operator's to turn
 * (docs/network-nodes.md), because it makes every interface ignore router advertisements.
 */
export async function letForward(tools: Tools, name: string): Promise<void> {
  await tools.run('sysctl', ['-qw', `net.ipv4.conf.${name}.forwarding=1`])
  await tools.run('sysctl', ['-qw', `net.ipv6.conf.${name}.force_forwarding=1`])
}
