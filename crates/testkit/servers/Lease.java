import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Keeps a server for as long as somebody needs it. Who does holds a TCP connection open: the system
 * closes it when that process ends, also when it is killed, so no server outlives its tests.
 *
 * Settings are system properties: pulso.ready (the file that says the server answers),
 * pulso.token (told to who connects, so that a port taken by another program is noticed),
 * pulso.linger (seconds to stay without a holder; negative: for ever), pulso.delete (a folder that
 * nobody will use again). A holder may send `k` (keep that folder), `s` (stay until told otherwise)
 * or `q` (quit, whoever else holds).
 */
final class Lease {
  private static final int FIRST_HOLDER_SECONDS = 60;
  private static final int STOP_SECONDS = 30;

  private final Semaphore changes = new Semaphore(0);
  private int holders = 0;
  private static volatile boolean keep = false;
  private volatile boolean quit = false;
  private volatile long linger = Long.getLong("pulso.linger", 0);

  interface Stop {
    void stop() throws Exception;
  }

  /** Tells that the server answers, waits until nobody needs it, and ends this process. */
  static void serve(Stop server) throws Exception {
    Lease lease = new Lease();
    try (ServerSocket socket = new ServerSocket(0, 16, InetAddress.getLoopbackAddress())) {
      Thread doorkeeper = new Thread(() -> lease.accept(socket), "lease");
      doorkeeper.setDaemon(true);
      doorkeeper.start();
      announce(socket.getLocalPort());
      lease.await();
    }
    Thread limit = new Thread(() -> haltLater(), "stop-limit");
    limit.setDaemon(true);
    limit.start();
    server.stop();
    delete();
    Runtime.getRuntime().halt(0);
  }

  private static void announce(int port) throws IOException {
    Path ready = Path.of(System.getProperty("pulso.ready"));
    Path beside = ready.resolveSibling(ready.getFileName() + ".new");
    Files.writeString(beside, port + " " + ProcessHandle.current().pid() + "\n");
    Files.move(beside, ready, StandardCopyOption.ATOMIC_MOVE);
  }

  private void await() throws InterruptedException {
    long patience = Math.max(linger, FIRST_HOLDER_SECONDS);
    while (!quit) {
      if (linger < 0 || needed()) {
        changes.acquire();
      } else if (!changes.tryAcquire(patience, TimeUnit.SECONDS)) {
        return;
      }
      patience = linger;
    }
  }

  private synchronized boolean needed() {
    return holders > 0;
  }

  private synchronized void count(int change) {
    holders += change;
    changes.release();
  }

  private void accept(ServerSocket socket) {
    try {
      while (true) {
        Socket holder = socket.accept();
        count(1);
        Thread thread = new Thread(() -> hold(holder), "holder");
        thread.setDaemon(true);
        thread.start();
      }
    } catch (IOException closed) {
      // The process is about to end.
    }
  }

  private void hold(Socket holder) {
    try (holder) {
      String token = System.getProperty("pulso.token", "") + "\n";
      holder.getOutputStream().write(token.getBytes(StandardCharsets.UTF_8));
      int wish;
      while ((wish = holder.getInputStream().read()) >= 0) {
        obey(wish);
      }
    } catch (IOException gone) {
      // The same as a closed connection.
    } finally {
      count(-1);
    }
  }

  private void obey(int wish) {
    switch (wish) {
      case 'k' -> keep = true;
      case 's' -> linger = -1;
      default -> quit = true;
    }
    changes.release();
  }

  private static void haltLater() {
    try {
      TimeUnit.SECONDS.sleep(STOP_SECONDS);
    } catch (InterruptedException never) {
      // Nobody interrupts this thread.
    }
    delete();
    Runtime.getRuntime().halt(1);
  }

  private static void delete() {
    String folder = System.getProperty("pulso.delete");
    if (folder == null || keep) {
      return;
    }
    try (var files = Files.walk(Path.of(folder))) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | java.io.UncheckedIOException left) {
      System.err.println("cannot delete " + folder + ": " + left);
    }
  }
}
