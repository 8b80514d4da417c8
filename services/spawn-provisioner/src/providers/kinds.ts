import { processProvider } from './process/process-provider.ts'
import type { ProviderFactory } from './provider.ts'
import { qemuProvider } from './qemu/qemu-provider.ts'

/** The kinds of provider this service was built with. Another one is a row here and a page in docs/providers.md. */
export const KINDS = {
  process: processProvider,
  qemu: qemuProvider,
} as const satisfies Readonly<Record<string, ProviderFactory>>

export type Kind = keyof typeof KINDS

export const KIND_NAMES = Object.keys(KINDS) as readonly Kind[] // keys of a constant

export const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text)
