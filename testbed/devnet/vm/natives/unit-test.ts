import type { NativeModule } from '../native.ts';

/** Natives of `std::unit_test`, which no publishable module can link to since the module is test-only. */
export const UNIT_TEST: NativeModule = {
  poison: () => undefined,
  destroy: () => undefined,
};
