import { expect, test } from 'vitest'
import { demoOptions, MODES, PROVIDERS } from './options.ts'

test.each([
  [['--spawn', 'managed'], /managed_child, autonomous_peer, cluster_member/],
  [['--provider', 'qemu'], /--spawn/],
  [['--spawn', 'managed_child', '--provider', 'cloud'], /process, qemu/],
  [['--lab', '--spawn', 'managed_child'], /two stories/],
  [['--twice'], /--twice/],
])('%j makes no sense, and is answered with what would', (words, sense) => {
  expect(() => demoOptions(words, '/')).toThrow(sense)
})

test.each(MODES.flatMap((mode) => PROVIDERS.map((provider) => [mode, provider] as const)))(
  'a child of mode %s can be made by %s, and by a process of this machine where nothing is said',
  (mode, provider) => {
    expect(demoOptions(['--spawn', mode, '--provider', provider], '/').spawn).toEqual({ mode, provider })
    expect(demoOptions(['--spawn', mode], '/').spawn).toEqual({ mode, provider: 'process' })
  },
)
