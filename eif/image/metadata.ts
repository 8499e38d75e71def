/** What an image says about its making. Nothing in it depends on when or where it was built. */
export interface Making {
  name: string;
  version: string;
  tool: string;
  toolVersion: string;
  /** For example `6.12.48`. */
  kernelVersion: string;
  /** Anything else worth knowing, for example the commit. */
  custom: Record<string, string>;
}

/** Instead of a time, which would make every build another. */
const BUILD_TIME = '1970-01-01T00:00:00+00:00';

/**
 * The metadata section as `nitro-cli describe-eif` reads it (`EifIdentityInfo` in `src/defs/mod.rs` of
 * aws/aws-nitro-enclaves-image-format, which lets no field be missing).
 *
 * @returns JSON, the same for the same making
 */
export function encodeMetadata({ name, version, tool, toolVersion, kernelVersion, custom }: Making): string {
  return JSON.stringify({
    ImageName: name,
    ImageVersion: version,
    BuildMetadata: {
      BuildTime: BUILD_TIME,
      BuildTool: tool,
      BuildToolVersion: toolVersion,
      OperatingSystem: 'Linux',
      KernelVersion: kernelVersion,
    },
    DockerInfo: null,
    CustomMetadata: Object.fromEntries(Object.entries(custom).sort(([a], [b]) => (a < b ? -1 : 1))),
  });
}
