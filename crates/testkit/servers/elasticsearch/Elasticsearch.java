import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** A node of Elasticsearch 9: starts, and stays while it is needed. */
final class Elasticsearch {
  /** Argument: the home folder, with `config/elasticsearch.yml` and `modules/`. */
  public static void main(String[] arguments) throws Exception {
    LogConfigurator.configureESLogging();
    Path home = Path.of(arguments[0]);
    Settings settings = Settings.builder().put("path.home", home).build();
    Environment environment =
        InternalSettingsPreparer.prepareEnvironment(
            settings, Map.of(), home.resolve("config"), () -> "pulso-test");
    LogConfigurator.configure(environment, true);
    var modules = PluginsLoader.loadModulesBundles(environment.modulesDir());
    Node node = new Node(environment, PluginsLoader.createPluginsLoader(modules, Set.of(), Map.of()));
    node.start();
    Lease.serve(node::close);
  }
}
