// Pulls an image into an OCI layout, with progress: pull-to-layout.ts REFERENCE DIRECTORY
import { openOciLayoutSink, pullImage, type TsimgEvent } from 'tsimg';

const [name = 'alpine:3.20', directory = './layout'] = process.argv.slice(2);

function showProgress(event: TsimgEvent): void {
  switch (event.kind) {
    case 'blob-progress':
      console.error(`${event.digest.slice(7, 19)}: ${event.done} of ${event.size} bytes`);
      break;
    case 'blob-done':
      console.error(`${event.digest.slice(7, 19)}: ${event.reused ? 'was there' : 'done'}`);
      break;
    case 'retry':
    case 'warning':
      console.error(event);
  }
}

const sink = await openOciLayoutSink(directory);
try {
  const { reference, digest, bytesTransferred } = await pullImage(name, sink, {
    onEvent: showProgress,
    requests: { retries: 5 },
  });
  console.log(`${reference} is ${digest}, ${bytesTransferred} bytes transferred`);
} finally {
  await sink.close();
}
