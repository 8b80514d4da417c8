/** Made by deploy/qemu/late-builtins.ts. */
declare module 'virtual:beginning' {
  export function begin(): void
}

/** Made by deploy/qemu/contract.ts. */
declare module 'virtual:contract' {
  export const services: readonly import('@bufbuild/protobuf').DescService[]
}
