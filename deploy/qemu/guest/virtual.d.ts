/** Made by deploy/qemu/late-builtins.ts. */
declare module 'virtual:beginning' {
  export function begin(): void
}
