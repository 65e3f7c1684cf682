import java.io.FileInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import kafka.tools.StorageTool;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;

/** A broker of one node: formats its storage when that is new, starts, and stays while it is needed. */
final class Kafka {
  /** Arguments: the properties file, and users to create with the storage, as `--add-scram` has them. */
  public static void main(String[] arguments) throws Exception {
    Properties settings = new Properties();
    try (FileInputStream file = new FileInputStream(arguments[0])) {
      settings.load(file);
    }
    if (!Files.exists(Path.of(settings.getProperty("log.dirs"), "meta.properties"))) {
      format(arguments);
    }
    KafkaRaftServer server = new KafkaRaftServer(KafkaConfig.fromProps(settings, false), Time.SYSTEM);
    server.startup();
    Lease.serve(
        () -> {
          server.shutdown();
          server.awaitShutdown();
        });
  }

  private static void format(String[] arguments) {
    List<String> command = new ArrayList<>();
    command.addAll(List.of("format", "-t", Uuid.randomUuid().toString(), "-c", arguments[0]));
    for (int i = 1; i < arguments.length; i++) {
      command.addAll(List.of("--add-scram", arguments[i]));
    }
    int code = StorageTool.execute(command.toArray(new String[0]), System.err);
    if (code != 0) {
      System.exit(code);
    }
  }
}
