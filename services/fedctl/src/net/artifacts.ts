import type { NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'

/** What an agent hands to the tools, file by file; nothing of what is empty. */
export function artifactsOf(state: NodeState): { readonly file: string; readonly text: string }[] {
  const { interfaces, nftables, frr, ovn } = state
  return [
    ...interfaces.map(({ name, config }) => ({ file: `${name}.conf`, text: config })),
    { file: 'powernode.nft', text: nftables },
    { file: 'frr.conf', text: frr },
    {
      file: 'ovn-nbctl.txt',
      text: (ovn?.commands ?? []).map(({ args }) => `${args.map(quoted).join(' ')}\n`).join(''),
    },
  ].filter(({ text }) => text !== '')
}

/** Shown so that a person can paste it; the agent hands arguments over one by one. */
const quoted = (text: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
