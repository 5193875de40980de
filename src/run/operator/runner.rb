# Runs one Ruby method for a task. Arguments: the method, a JSON file to read, a JSON file to write.
#
# Reads {"params": {...}, "require": name or null}; writes {"subtask_config", "export_params", "store_params"} and,
# when the method failed, "error" with class, message and backtrace. In the language of Ruby 2.3.
require 'json'

module Digdag
  # What a script sees of its task, as `Digdag.env`.
  class Env
    attr_reader :params, :subtask_config, :export_params, :store_params, :state_params

    def initialize(params)
      @params = params
      @subtask_config = {}
      @export_params = {}
      @store_params = {}
      @state_params = {}
      @subtask_count = 0
    end

    # Parameters for the tasks after this one.
    def store(params = {})
      @store_params.merge!(Plain.map(params))
    end

    # Parameters for the task's own subtasks.
    def export(params = {})
      @export_params.merge!(Plain.map(params))
    end

    # Kept for scripts that call it; no later try sees it.
    def set_state(params = {})
      @state_params.merge!(params)
    end

    # add_subtask({...}) | add_subtask(:method, params) | add_subtask(Class, :method, params)
    def add_subtask(*arguments)
      params = arguments.last.is_a?(Hash) ? arguments.pop : nil
      config = Plain.map(params || {})
      config['rb>'] = callee(arguments) unless params && arguments.empty?
      @subtask_config["+subtask#{@subtask_count}"] = config
      @subtask_count += 1
      nil
    end

    private

    def callee(names)
      case names.length
      when 1 then method_name(names[0]).to_s
      when 2 then "::#{owner(names[0], method_name(names[1]))}.#{names[1]}"
      else raise ArgumentError, 'add_subtask takes a Hash, a method, or a class and a method'
      end
    end

    def method_name(name)
      unless [Symbol, String].include?(name.class) && !name.to_s.include?('.')
        raise ArgumentError, "add_subtask takes the name of a method, but got #{name.inspect}"
      end

      name.to_sym
    end

    def owner(owner, method)
      name = owner.is_a?(Module) ? owner.name.to_s : owner.to_s
      begin
        found = Object.const_get(name)
      rescue NameError
        raise ArgumentError, "add_subtask takes a class that has a name, but got #{owner.inspect}"
      end
      unless found.respond_to?(method) || (found.is_a?(Class) && found.public_method_defined?(method))
        raise ArgumentError, "#{name} has no method '#{method}'"
      end

      name
    end
  end

  # Values as JSON knows them.
  module Plain
    module_function

    def map(params)
      raise ArgumentError, "parameters must be a Hash, but got #{params.class}" unless params.is_a?(Hash)

      params.each_with_object({}) { |(key, value), plain| plain[key.to_s] = value(value, key) }
    end

    def value(value, key)
      case value
      when nil, true, false, Integer then value
      when Float then value.finite? ? value : unfit(value, key)
      when String then text(value, key)
      when Symbol then value.to_s
      when Array then value.map { |item| value(item, key) }
      when Hash then map(value)
      else foreign(value, key)
      end
    end

    # What libraries give as bytes is taken as text when it is text.
    def text(value, key)
      text = readable(value)
      text.valid_encoding? ? text : unfit(value, key)
    rescue EncodingError
      unfit(value, key)
    end

    def readable(text)
      binary = text.encoding == Encoding::BINARY
      binary ? text.dup.force_encoding(Encoding::UTF_8) : text.encode(Encoding::UTF_8)
    end

    # Dates and the like are what they print; an object that has only its address to print is no value.
    def foreign(value, key)
      plain = JSON.parse(JSON.generate([value])).first
      plain.is_a?(String) && plain.start_with?('#<') ? unfit(value, key) : plain
    rescue JSON::JSONError
      unfit(value, key)
    end

    def unfit(value, key)
      raise ArgumentError, "parameter '#{key}' cannot be written as JSON: it is a #{value.class}"
    end
  end

  # Finds the method and fills its arguments by name.
  class Call
    def initialize(command, params, main)
      *path, @name = command.split('.')
      @params = params
      @main = main
      @owner = Object.const_get(path.join('::').sub(/\A::/, '')) unless path.empty?
    end

    def run
      return invoke(@main.method(@name), @name) unless @owner

      object = instance? ? new_instance : @owner
      invoke(object.method(@name), instance? ? "#{@owner}##{@name}" : "#{@owner}.#{@name}")
    end

    private

    def instance?
      @owner.is_a?(Class) && @owner.public_method_defined?(@name)
    end

    def new_instance
      maker = @owner.method(:new)
      # The `new` that every class has hands all on to `initialize`.
      given = maker.owner == Class ? @owner.instance_method(:initialize) : maker
      invoke(maker, "#{@owner}.new", given.parameters)
    end

    def invoke(method, label, parameters = method.parameters)
      arguments, keywords = fill(parameters, label)
      # Ruby before 2.7 hands an empty `**keywords` on as a Hash.
      keywords.empty? ? method.call(*arguments) : method.call(*arguments, **keywords)
    end

    def fill(parameters, label)
      arguments = []
      keywords = {}
      skipped = false
      parameters.each do |kind, name|
        key = name.to_s
        case kind
        when :req then arguments << required(key, label)
        when :opt
          skipped ||= !@params.key?(key)
          arguments << @params[key] unless skipped
        when :keyreq then keywords[name] = required(key, label)
        when :key then keywords[name] = @params[key] if @params.key?(key)
        when :keyrest then keywords.merge!(symbolized(@params))
        end
      end
      [arguments, keywords]
    end

    def required(key, label)
      @params.fetch(key) { raise ArgumentError, "Method '#{label}' requires parameter '#{key}' but not set" }
    end

    # As Digdag does it: maps in maps, but not maps in lists.
    def symbolized(map)
      map.each_with_object({}) do |(key, value), made|
        made[key.to_sym] = value.is_a?(Hash) ? symbolized(value) : value
      end
    end
  end

  # How a script failed.
  class Failure
    # Frames beyond it are a recursion without end.
    MOST_FRAMES = 100

    def initialize(error, command)
      @error = error
      @command = command
    end

    def to_h
      { class: @error.class.to_s, message: message, backtrace: frames(@error) }
    end

    # In the shape of Ruby's own; `warn` would be silent under `-W0`.
    def tell
      $stderr.puts "#{message} (#{@error.class})"
      tell_frames(@error)
      cause = @error.cause
      while cause
        $stderr.puts "caused by: #{words(cause)} (#{cause.class})"
        tell_frames(cause)
        cause = cause.cause
      end
    end

    # Whoever leaves Ruby without an error leaves the task undone.
    def status
      @error.is_a?(SystemExit) && !@error.success? ? @error.status : 1
    end

    private

    def message
      return words(@error) unless @error.is_a?(SystemExit) && @error.message == 'exit'

      "`#{@command}` left Ruby with exit code #{@error.status} instead of returning"
    end

    # Without the lines of code and the guesses that Ruby 3.1 adds: they may be of this file.
    def words(error)
      words = error.respond_to?(:original_message) ? error.original_message.to_s : error.message.to_s
      Plain.readable(words).scrub
    rescue EncodingError
      words.dup.force_encoding(Encoding::UTF_8).scrub
    end

    # Frames of this file say nothing to the author of the script.
    def frames(error)
      (error.backtrace || []).reject { |frame| frame.start_with?(__FILE__) }.first(MOST_FRAMES)
    end

    def tell_frames(error)
      frames(error).each { |frame| $stderr.puts "\tfrom #{frame}" }
    end
  end

  class << self
    attr_accessor :env
  end
end

$stdout.sync = true
command, input, output = ARGV.shift(3)
given = JSON.parse(File.read(input, encoding: Encoding::UTF_8))
Digdag.env = Digdag::Env.new(given['params'])
result = {}
failure = nil
begin
  require given['require'] if given['require']
  Digdag::Call.new(command, Digdag.env.params, self).run
  result[:subtask_config] = Digdag::Plain.map(Digdag.env.subtask_config)
  result[:export_params] = Digdag::Plain.map(Digdag.env.export_params)
  result[:store_params] = Digdag::Plain.map(Digdag.env.store_params)
rescue Exception => error # rubocop:disable Lint/RescueException -- whatever ends the script is the task's failure
  failure = Digdag::Failure.new(error, command)
  result = { error: failure.to_h }
  failure.tell
end
File.write(output, JSON.generate(result))
exit(failure.status) if failure
